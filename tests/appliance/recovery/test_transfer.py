"""Asking for a transfer and installing it."""

from __future__ import annotations

import pytest

from appliance.backup.errors import ImageOfAnother
from appliance.backup.models import BackupImage
from appliance.recovery.actions import collect_transfer, load_transfer_file, request_transfer, start_restore
from appliance.recovery.errors import NoSuchRequest, NotBlank, TransferNotForUs
from appliance.recovery.models import TransferCase
from appliance.recovery.selectors import transfer_case, value_sheet
from appliance.unit.actions import set_desk
from appliance.unit.models import Unit
from appliance.unit.selectors import unit
from audit.models import Event
from jobs.models import Job
from sealing.claims import Party
from tests.appliance.keys.desk import TestDesk
from tests.support.bench import ADMIN, Bench


@pytest.fixture
def lost(bench: Bench) -> tuple[Bench, list[str]]:
    """A backed-up unit is gone, a blank one connected to its target; and the values from the headers."""
    bench.stage("lost", lambda: lose(bench))
    return bench, bench.values_in(BackupImage.objects.get())


def lose(bench: Bench) -> None:
    bench.put_furnished_unit()
    bench.back_up(bench.add_target())
    bench.put_blank_unit("SR-B-0001")
    bench.add_target()


def altered(text: str) -> str:
    head, body, tail = text.split(".")
    middle = len(body) // 2
    return f"{head}.{body[:middle]}{'A' if body[middle] != 'A' else 'B'}{body[middle + 1 :]}.{tail}"


def test_a_unit_in_service_asks_for_no_transfer(unit_on_bench: Bench) -> None:
    with pytest.raises(NotBlank):
        request_transfer(actor=ADMIN)


def test_a_transfer_nobody_asked_for_is_refused(lost: tuple[Bench, list[str]]) -> None:
    bench, values = lost
    case = bench.request()
    text = bench.transfer(case, values)
    TransferCase.objects.update(state="superseded")
    with pytest.raises(NoSuchRequest):
        load_transfer_file(actor=ADMIN, document=text)


@pytest.mark.parametrize("text", ["", "not a document", "a.b.c", "\ufeffa.b.c"])
def test_what_is_no_transfer_is_refused_at_once(lost: tuple[Bench, list[str]], text: str) -> None:
    bench, _ = lost
    case = bench.request()
    with pytest.raises(TransferNotForUs):
        load_transfer_file(case, actor=ADMIN, document=text)
    case.refresh_from_db()
    assert (case.state, case.transfer) == ("requested", "")


def test_the_answer_to_an_older_request_is_refused(lost: tuple[Bench, list[str]]) -> None:
    bench, values = lost
    old = bench.transfer(bench.request(), values)
    newer = bench.request()
    with pytest.raises(TransferNotForUs):
        load_transfer_file(newer, actor=ADMIN, document=old)


def test_an_altered_transfer_is_refused_and_the_request_stays_open(lost: tuple[Bench, list[str]]) -> None:
    bench, values = lost
    case = bench.request()
    text = bench.transfer(case, values)
    assert bench.refused(load_transfer_file(case, actor=ADMIN, document=altered(text))).startswith("keys.")
    case.refresh_from_db()
    assert (case.state, case.transfer) == ("requested", "")
    assert case.problem is not None
    assert unit().state == Unit.State.BLANK
    assert Event.objects.filter(action="recovery.transfer-refused", outcome="refused").exists()
    bench.done(load_transfer_file(case, actor=ADMIN, document=text))
    assert unit().state == Unit.State.KEYED


def test_a_transfer_is_installed_once(lost: tuple[Bench, list[str]]) -> None:
    bench, values = lost
    case = bench.request()
    text = bench.transfer(case, values)
    bench.done(load_transfer_file(case, actor=ADMIN, document=text))
    with pytest.raises(NoSuchRequest):
        load_transfer_file(actor=ADMIN, document=text)


def test_an_image_of_another_customer_than_the_transfers_is_refused(lost: tuple[Bench, list[str]]) -> None:
    """The blank unit may look at any repository; once it belongs to somebody it refuses another's."""
    bench, values = lost
    case = bench.request()
    record = bench.keys.status().device_record
    other = Party(id="99999999-9999-4999-8999-999999999999", name="Somebody else")
    text = bench.maker.transfer(values, case.request, record, customer=other)
    bench.done(load_transfer_file(case, actor=ADMIN, document=text))
    (survey,) = bench.waiting("backup.survey")
    assert bench.refused(survey) == "target.wrong-customer"
    image = BackupImage.objects.select_related("target").get()
    assert (image.target.state, unit().customer_name) == ("refused", "Somebody else")
    with pytest.raises(ImageOfAnother):
        start_restore(image, actor=ADMIN)


def test_a_request_that_cannot_be_sent_travels_as_a_file(lost: tuple[Bench, list[str]]) -> None:
    bench, _ = lost
    set_desk(actor=ADMIN, url="http://127.0.0.1:9")
    case = bench.request()
    assert case.sent_at is None
    assert case.problem is not None
    assert case.request.count(".") == 2


def test_a_newer_request_supersedes_the_older(lost: tuple[Bench, list[str]]) -> None:
    bench, _ = lost
    first = bench.request()
    second = bench.request()
    first.refresh_from_db()
    assert (first.state, transfer_case()) == ("superseded", second)


def test_the_values_of_all_headers_are_gathered_for_the_desk(lost: tuple[Bench, list[str]]) -> None:
    _, values = lost
    assert value_sheet().splitlines() == sorted(values)


def test_a_transfer_is_collected_with_a_code_that_stands_nowhere_afterwards(
    lost: tuple[Bench, list[str]], desk: TestDesk
) -> None:
    bench, values = lost
    set_desk(actor=ADMIN, url=desk.url)
    case = bench.request()
    assert case.sent_at is not None
    text = bench.transfer(case, values)
    desk.replace("POST transfers/collect", lambda _: (200, {"transfer": text}))
    code = "7F3K-Q9WD-ONCE"
    bench.done(collect_transfer(case, actor=ADMIN, code=f" {code} "))
    assert ("POST transfers/collect", {"request_digest": case.request_digest, "code": code}) in desk.received
    told = [
        *Job.objects.values_list("params", flat=True),
        *Event.objects.values_list("facts_json", flat=True),
    ]
    assert code not in str(told)
    assert (unit().state, str(unit().customer_id)) == (
        "keyed",
        values and str(BackupImage.objects.get().customer_id),
    )


def test_the_receipt_is_sent_until_the_desk_has_it(lost: tuple[Bench, list[str]], desk: TestDesk) -> None:
    bench, values = lost
    bench.install(values)
    set_desk(actor=ADMIN, url="http://127.0.0.1:9")
    away = bench.done(bench.waiting("recovery.deliver").get())
    assert away.result["delivered"] is False
    assert TransferCase.objects.get().state == "installed"
    set_desk(actor=ADMIN, url=desk.url)
    bench.lose(bench.waiting("recovery.deliver").get())
    bench.done(bench.waiting("recovery.deliver").get())
    assert TransferCase.objects.get().state == "reported"
    assert "POST installations" in desk.calls


def test_a_kill_between_key_process_and_row_loses_nothing(
    lost: tuple[Bench, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from appliance.recovery.engine import transfer as engine

    bench, values = lost
    case = bench.request()
    job = load_transfer_file(case, actor=ADMIN, document=bench.transfer(case, values))
    real = engine._install

    def then_die(*args: object) -> object:
        real(*args)  # type: ignore[arg-type]  # passed through
        raise RuntimeError("the process is gone")

    monkeypatch.setattr(engine, "_install", then_die)
    assert bench.work(job).state == "queued"
    monkeypatch.setattr(engine, "_install", real)
    bench.restart_keys()
    bench.lose(job)
    bench.done(job)
    case.refresh_from_db()
    assert (case.state, unit().state) == ("installed", "keyed")
    assert case.receipt.count(".") == 2
