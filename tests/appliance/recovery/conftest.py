from tests.support.bench_fixtures import bench, desk, maker, small_disk, unit_on_bench  # noqa: F401
