"""The words customers read, to the letter, and what the linter refuses."""

import hashlib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from circletel.core.errors import NotAllowed, NotReady
from circletel.core.models import AuditEntry
from pricing import services
from pricing.models import NoticeStage
from pricing.notices import stages
from pricing.notices.texts import Told, complaints_about, promotions_in, text_for
from tests.pricing.histories import package_opened
from tests.pricing.notices.customers import THIRD_OF_MAY, customer
from tests.pricing.people import R799, R899, drafted, mr_daniels, ms_khumalo, published

pytestmark = pytest.mark.django_db
VAT = Decimal("0.15")
ANNOUNCEMENT = """\
Dear Sipho Dlamini

The price of your service changes.

Service: Home Fibre, subscription SUB-1
Price now: R 799,00 a month, including VAT at 15 %
New price: R 1 299,00 a month, including VAT at 15 %
First bill at the new price: 3 May 2027
The total of that bill will be R 1 344,00, VAT included.

The network costs more.

Until then you pay what you pay now. You need not do anything.

You have the right to cancel: if you do not want to pay the new price, you may end your service without a cancellation fee. Reply to this message and we will see to it.

CircleTel
"""


def stage(code):
    return NoticeStage.objects.get(pk=code)


@pytest.fixture
def told():
    package = package_opened(R799)
    package.name = "Home Fibre"
    change = published(package, new_price="1299.00", customer_message="The network costs more.")
    change.package = package
    somebody = customer(package, number="SUB-1")
    return Told(change, somebody, R799, Decimal("1299.00"), THIRD_OF_MAY, Decimal("1344.00"))


def words(code, told, **values):
    template = stage(code)
    given = {"subject": template.subject, "body": template.body} | values
    return text_for(told, vat_rate=VAT, **given)


def plain(text):
    return text.replace("\u00a0", " ")


def test_the_announcement_says_everything_in_plain_words(told):
    text = words("announcement", told)

    assert text.subject == "The price of Home Fibre changes on 3 May 2027"
    assert plain(text.body) == ANNOUNCEMENT


def test_where_the_total_is_not_known_it_is_not_made_up(told):
    unknown = replace(told, first_bill_total=None)

    body = plain(words("announcement", unknown).body)

    assert body == ANNOUNCEMENT.replace(
        "The total of that bill will be R 1 344,00, VAT included.",
        "Everything else on that bill stays as it is.",
    )


def test_without_a_message_there_is_no_gap(told):
    told.change.customer_message = ""

    assert plain(words("announcement", told).body) == ANNOUNCEMENT.replace("The network costs more.\n\n", "")


def test_a_withdrawal_names_the_price_that_stays(told):
    text = words("withdrawal", told)

    assert text.subject == "The price of Home Fibre does not change"
    assert "would change to R 1 299,00 a month. That does not happen." in plain(text.body)
    assert "Your price stays: R 799,00 a month, including VAT at 15 %" in plain(text.body)
    assert "3 May" not in text.body


def test_the_hash_is_that_of_subject_and_body(told):
    text = words("one-week", told)

    said = hashlib.sha256(f"{text.subject}\n\n{text.body}".encode()).hexdigest()
    assert text.hash == text.row().text_hash == said


def test_what_customers_and_colleagues_wrote_is_never_markup_or_template(told):
    told.subscription.customer_name = "<b>Bobby</b>\r\nBcc: all@example.com {{ old_price }}"
    told.change.customer_message = "{% load admin %} & <script>"

    text = words("announcement", told, subject="For {{ customer_name }}")

    assert text.subject == "For <b>Bobby</b> Bcc: all@example.com {{ old_price }}"
    assert "{% load admin %} & <script>" in text.body
    assert "{% load admin %} &amp; &lt;script&gt;" in text.html
    assert "<script>" not in text.html


def test_a_vat_rate_with_a_half_percent_and_a_customer_without_a_name(told):
    told.subscription.customer_name = " "

    text = text_for(
        told,
        subject="x",
        body="{{ customer_name }}, {{ vat_words }}, {{ difference }}",
        vat_rate=Decimal("0.1550"),
    )

    assert plain(text.body) == "customer, including VAT at 15,5 %, +R 500,00\n"


# --- the linter ---------------------------------------------------------------------------------


def test_the_notices_as_shipped_are_in_order():
    assert [(one.pk, complaints_about(one)) for one in NoticeStage.objects.order_by("pk")] == [
        (code, []) for code in ("announcement", "one-month", "one-week", "receipt", "withdrawal")
    ]
    out = StringIO()
    call_command("check_notices", stdout=out)
    assert out.getvalue() == "5 notices in use, nothing wrong with their words.\n"


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("old_price", "what this customer pays now, a month, VAT included"),
        ("new_price", "what this customer will pay, a month, VAT included"),
        ("vat_words", "that VAT is included, and at which rate"),
        ("first_bill_date", "the day of this customer's first bill at the new price"),
        ("right_to_cancel", "the sentence of the setting PRICE_NOTICE_RIGHT_TO_CANCEL"),
        ("customer_message", "the price change's message to customers; may be empty"),
    ],
)
def test_a_notice_that_lacks_something_is_refused(name, what):
    announcement = stage("announcement")
    announcement.subject = "Your price"
    announcement.body = announcement.body.replace(f"{{{{ {name} }}}}", "")

    assert complaints_about(announcement) == [
        f"body: {{{{ {name} }}}} is missing: every notice of this kind says {what}."
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Upgrade  now to fibre", "upgrade now"),
        ("GREAT NEWS!", "great news"),
        ("an exclusive price", "exclusive"),
        ("Don’t miss it", "don't miss"),
        ("a special\noffer", "special offer"),
    ],
)
def test_promotion_is_refused_however_it_is_written(words, said):
    announcement = stage("announcement")
    announcement.body += words

    assert complaints_about(announcement) == [
        f"body: “{said}” promotes something. A notice of a price change informs and nothing else: leave it out."
    ]


def test_words_inside_other_words_promote_nothing():
    assert promotions_in("Windhoek winter, freedom, non-exclusively") == []


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        ("{% now 'Y' %}", "is an instruction; only {{ names }} are understood."),
        ("{% include 'admin/base.html' %}", "is an instruction; only {{ names }} are understood."),
        ("{# hidden #}", "is an instruction; only {{ names }} are understood."),
        ("{{ old_price|upper }}", "{{ old_price|upper }} is not understood."),
        ("{{ change.notes }}", "{{ change.notes }} is not understood."),
        ("{{ settings }}", "{{ settings }} is not understood."),
        ("{{ old_price }", "a bracket of a {{ name }} has no partner on its line."),
        ("old_price }}", "a bracket of a {{ name }} has no partner on its line."),
    ],
)
def test_nothing_but_known_names_is_understood(piece, said):
    announcement = stage("announcement")
    announcement.body += piece

    [complaint] = complaints_about(announcement)
    assert complaint.startswith("body: ")
    assert said in complaint


def test_what_the_linter_refuses_is_not_saved():
    with pytest.raises(NotReady) as refused:
        stages.edit_stage("one-week", {"subject": "Great news", "body": "Hello"}, actor=ms_khumalo())

    assert len(refused.value.reasons) == 7
    assert stage("one-week").subject == "{{ package_name }}: new price from {{ first_bill_date }}"


def test_a_stage_is_edited_by_who_may_and_the_audit_trail_says_what():
    body = stage("one-week").body + "\nYours"
    stages.edit_stage("one-week", {"days": 5, "body": body}, actor=ms_khumalo())

    entry = AuditEntry.objects.get(action="edit notice")
    assert (stage("one-week").days, set(entry.changes), entry.changes["days"]) == (
        5,
        {"days", "body"},
        [7, 5],
    )
    with pytest.raises(NotAllowed):
        stages.edit_stage("one-week", {"days": 4}, actor=mr_daniels())


@pytest.mark.parametrize(("code", "days"), [("one-week", 0), ("announcement", 3), ("withdrawal", 1)])
def test_days_that_make_no_sense_are_refused(code, days):
    with pytest.raises(NotReady, match="days: "):
        stages.edit_stage(code, {"days": days}, actor=ms_khumalo())


def test_a_promoting_message_cannot_be_published():
    change = drafted(package_opened(R799), customer_message="Great news for you")

    with pytest.raises(NotReady, match="customer message: “great news” promotes something"):
        services.publish_price_change(change.pk, actor=mr_daniels(), at=change.created_at)
    with pytest.raises(CommandError, match="customer message: “great news” promotes something"):
        call_command("check_notices")


def test_the_command_names_what_is_wrong(monkeypatch):
    monkeypatch.setattr("pricing.notices.texts.PROMOTION_WORDS", ["dear"])

    with pytest.raises(CommandError) as trouble:
        call_command("check_notices")

    assert str(trouble.value).count("“dear” promotes something") == 5
    assert "One week before (one-week): body: " in str(trouble.value)


# --- trying one ---------------------------------------------------------------------------------


def test_a_test_mail_goes_to_oneself_and_tells_no_customer(mailoutbox):
    change = published(package_opened(R799))
    assert stages.send_test("one-month", actor=ms_khumalo()) == "zanele.khumalo@example.com"

    [mail] = mailoutbox
    assert mail.to == ["zanele.khumalo@example.com"]
    assert mail.subject == f"Test: Reminder: the price of {change.package.name} changes on 1 May 2027"
    assert "Dear Thandi Example" in mail.body
    assert change.notices.count() == 0


def test_without_any_change_there_is_nothing_to_try_it_on():
    with pytest.raises(NotReady, match="there is none yet"):
        stages.send_test("one-month", actor=ms_khumalo())


def test_a_preview_speaks_to_somebody_of_a_real_change(told):
    from tests.pricing.notices.customers import move_of

    move_of(told.change, told.subscription, expected_price=R899)

    found = stages.sample()

    assert (found.is_real, found.told.subscription, found.told.new_price) == (True, told.subscription, R899)
    assert stages.preview(stage("receipt"), found.told).subject.startswith("The price of ")
    assert found.told.first_bill_on == date(2027, 5, 3)
