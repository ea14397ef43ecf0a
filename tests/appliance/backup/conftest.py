from tests.support.bench_fixtures import bench, maker, unit_on_bench  # noqa: F401
