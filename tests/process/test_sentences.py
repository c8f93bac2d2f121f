"""A process in words: every kind and mode, in both languages, with titles instead of codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.adapters.packs import read_pack
from services.process.definitions import Tells
from services.process.sentences import stage_sentences
from services.process.told import WHAT, WHO, told_sentences
from services.programmes.telling import pack_lines, process_lines
from tests.process_samples import FILE, SAMPLES, SUBMIT, definition, judging, pack

PACK = pack()
SHIPPED = [
    read_pack(each.parent) for each in sorted((Path(__file__).parents[2] / "programmes").glob("*/programme.yaml"))
]


def said(sample: str, code: str, locale: str = "en") -> list[str]:
    process = SAMPLES[sample]
    return [sentence.in_(locale) for sentence in stage_sentences(PACK, process, process.stage(code))]


def lines(sample: str, locale: str) -> list[str]:
    return list(process_lines(PACK, SAMPLES[sample], locale=locale))


@pytest.mark.parametrize("sample", SAMPLES)
def test_nothing_is_left_in_english(sample):
    """But codes in brackets, numbers, and what is English in the sample's own Chinese titles."""
    known = re.compile(
        r"\([a-z0-9-]+\)|QJ-\{season\}-\{serial:03d\}|[a-z-]+(-\d+)?环节|none类|own类|“annual-filing”|“kind”|small"
    )
    left = [line for line in lines(sample, "zh") if re.search(r"[a-z]{3,}", known.sub("", line))]
    assert left == []


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_no_place_is_left_open(locale):
    texts = [line for sample in SAMPLES for line in lines(sample, locale)]
    assert not [line for line in texts if re.search(r"\{(?!season|serial)", line)]


@pytest.mark.parametrize(
    ("code", "english", "chinese"),
    [
        ("approve-one", "Approval by Office A: Clerk, within 5 workdays", "A处：经办人审核，期限5个工作日"),
        ("sign-any-of", "Signing by the first of Office A: Clerk, Office B: Clerk to act, within 5 workdays",
         "A处：经办人、B处：经办人任一人签字即可（或签），期限5个工作日"),
        ("assess-all-of", "Assessment by each of Office A: Clerk, Office B: Clerk, Office C: Clerk, within 5 workdays",
         "A处：经办人、B处：经办人、C处：经办人全部评价（会签），期限5个工作日"),
        ("approve-in-sequence",
         "Approval by Office A: Clerk, Office B: Clerk, Office C: Clerk, one after the other in this order, within 5 workdays",
         "A处：经办人、B处：经办人、C处：经办人按此顺序依次审核，期限5个工作日"),
        ("approve-quorum", "Approval by at least 2 of the 3: Office A: Clerk, Office B: Clerk, Office C: Clerk, within 5 workdays",
         "以下3个岗位中至少2个审核通过：A处：经办人、B处：经办人、C处：经办人，期限5个工作日"),
        ("approve-votes",
         ("Approval by vote of Office A: Clerk (weight 2), Office B: Clerk (weight 1), Office C: Clerk (weight 1), within 5 workdays;"
         " passed with 3 of 4 votes"),
         "A处：经办人（2票）、B处：经办人（1票）、C处：经办人（1票）票签审核，期限5个工作日；共4票，满3票通过"),
        ("approve-each", "Approval by everyone who holds the position Office A: Expert when the stage opens, within 5 workdays",
         "环节开始时担任A处：专家的每一位人员审核，期限5个工作日"),
        ("approve-each-needed",
         "Approval by everyone who holds the position Office A: Expert when the stage opens, within 5 workdays; passed once 2 agree",
         "环节开始时担任A处：专家的每一位人员审核，期限5个工作日；满2人同意即通过"),
    ],
)  # fmt: skip
def test_who_judges_is_said_for_every_mode(code, english, chinese):
    assert said("modes", code)[0] == english
    assert said("modes", code, "zh")[0] == chinese


def test_a_submission_is_said_whole():
    assert said("modes", "plan") == [
        "Chief coach submits “Plan”",
        "Only once these positions are filled: Chief coach, Coach",
        "Due on the season's due date",
        "Sent back to be corrected: at least 3 workdays",
        "Closes 5 workdays after the due date",
        "Office A: Head may grant a late exception",
        "Reminded before the due date: 7 days, one day, at 09:00",
        "Overdue by one workday, then every 2 workdays until it closes: Chief coach is told",
        "Office A: Head may grant up to 10 days more when asked in time, at most 2 times",
        "The task may be handed to whoever else holds the position",
        "Then: Stage approve-one",
    ]


@pytest.mark.parametrize(
    ("sample", "code", "expected"),
    [
        ("modes", "approve-one", ["Can be sent back to: Plan", "Corrected, it goes through every stage again", "Can be rejected: the case ends"]),
        ("modes", "sign-one", ["Corrected, it goes straight back to whoever sent it back", "Whoever does not sign says why: the case is rejected"]),
        ("modes", "assess-one", ["The assessment is “Sheet”"]),
        ("modes", "approve-quorum", ["Failed, once too few are left who could agree: the case is rejected"]),
        ("rich", "safety", ["Whoever does not sign says why: back to Drawing up and handing in the annual plan of the whole continuous programme",
                            "Then, when the paths beside it have ended: Stage board"]),
        ("rich", "posting", ["Posted for 5 workdays; Office A: Clerk settles objections",
                             "It goes on when the period has ended and no objection is open"]),
        ("rich", "places", ["Goes through “Request for places”, and goes on when that has ended well", "Then: After the holidays"]),
        ("rich", "spring", ["Nobody acts: it goes on on 03-01 of the season's year"]),
        ("rich", "filing", ["Recorded under a number like QJ-{season}-{serial:03d}; the case ends", "Told when it is reached: Chief coach"]),
        ("endings", "while", ["Nobody acts: it goes on 10 days after it was reached"]),
        ("endings", "due", ["Nobody acts: it goes on at the season's due date"]),
        ("endings", "done", ["The case ends well, without a number"]),
        ("places-request", "request", ["Due 5 days after the stage was reached"]),
    ],
)  # fmt: skip
def test_what_follows_is_said(sample, code, expected):
    assert [line for line in said(sample, code) if line in expected] == expected


def test_blocks_are_indented_and_say_their_conditions():
    told = [line for line in lines("rich", "en") if re.match(r"\s+\d+[a-z0-9.]*\. ", line)]
    assert [line.partition(". ")[0] + ". " + line.partition(". ")[2][:24] for line in told[2:8]] == [
        "  3. Offices side by side (of",
        "     3a. Teaching",
        "        3a.1. Stage teaching (teaching",
        "        3a.2. By the money asked for (",
        "           3a.2a. 100,000 yuan and more: i",
        "              3a.2a.1. Stage experts (experts)",
    ]
    way = next(line for line in lines("rich", "en") if " 3a.2a. " in line)
    assert way.endswith("is at least 100,000.00 yuan")
    assert any(line.strip() == "3a.2c. otherwise" for line in lines("rich", "en"))


def test_a_process_without_seasons_says_so():
    assert "  Has no season: other processes run it" in lines("places-request", "en")


def test_every_telling_has_words():
    assert set(WHAT) == set(Tells.model_fields)
    told = " ".join(sentence.in_("en") for sentence in told_sentences(SAMPLES["rich"]))
    assert all(words in told for name, words in WHAT.items() if getattr(SAMPLES["rich"].tells, name))
    assert set(WHO) == {"assignees", "submitters", "signers", "others", "concerned", "granters"}
    assert WHAT["filed"] not in told  # nobody is told of it here


def test_who_is_told_follows_the_definition():
    process = definition(
        SUBMIT, judging("approve", "it", "office-a/clerk", return_to=["plan"]), FILE, tells={"filed": ["submitters"]}
    )
    assert any("The case is filed" in sentence.in_("en") for sentence in told_sentences(process))


@pytest.mark.parametrize("locale", ["zh", "en"])
def test_the_shipped_packs_are_told_whole(locale):
    for shipped in SHIPPED:
        text = "\n".join(pack_lines(shipped, locale=locale))
        assert all(
            stage.title.in_(locale) in text
            for process in shipped.processes
            for stage in process.all_stages
            if stage.title
        )
