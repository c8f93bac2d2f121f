"""Definitions that hold every kind of stage, every mode and blocks inside blocks, and a pack that they could stand in."""

from __future__ import annotations

from typing import Any

from services.process.definitions import ProcessDefinition
from services.process.packs import Pack

OFFICES = ["office-a/clerk", "office-b/clerk", "office-c/clerk"]
LONG = "基础学科拔尖创新人才贯通培养年度项目实施方案编制、论证与提报（含经费预算及场地器材）"


def title(zh: str, en: str) -> dict[str, str]:
    return {"zh": zh, "en": en}


def definition(*stages: dict[str, Any], process: str = "sample", **more: Any) -> ProcessDefinition:
    head = {"process": process, "title": title("示例流程", "Sample process"), "subject": "project-group"}
    season = {"every": "year", "opens": "-1/11-15", "due": "01-31"}
    return ProcessDefinition.model_validate({**head, "season": season, "stages": list(stages), **more})


SUBMIT = {
    "submit": "plan", "title": title("编制提报", "Plan"), "by": "chief-coach", "form": "plan",
    "requires": ["chief-coach", "coach"], "due": {"at": "season.due", "returned": {"at_least": "3wd"}},
    "close": {"after": "5wd", "exceptions": "office-a/head"}, "remind": {"before": ["7d", "1d"], "at": "09:00"},
    "overdue": [{"after": "1wd", "every": "2wd", "until": "close", "tell": ["chief-coach"]}],
    "extension": {"by": "office-a/head", "at_most": "10d", "times": 2}, "hand_to": "position",
}  # fmt: skip
APPROVE = {
    "approve": "guidance",
    "title": title("指导单位审核", "Guidance"),
    "by": "guiding-unit/reviewer",
    "within": "5wd",
    "return_to": ["plan"],
}
FILE = {
    "file": "filing",
    "title": title("备案", "Filing"),
    "number": "QJ-{season}-{serial:03d}",
    "notify": ["chief-coach"],
}


def judging(kind: str, code: str, by: Any, **more: Any) -> dict[str, Any]:
    form = {"form": "sheet"} if kind == "assess" else {}
    return {kind: code, "title": title(f"{code}环节", f"Stage {code}"), "by": by, "within": "5wd", **form, **more}


MODES: dict[str, Any] = {
    "one": "office-a/clerk",
    "any-of": {"any_of": OFFICES[:2]},
    "all-of": {"all_of": OFFICES},
    "in-sequence": {"in_sequence": OFFICES},
    "quorum": {"quorum": 2, "of": OFFICES},
    "votes": {"votes": {"office-a/clerk": 2, "office-b/clerk": 1, "office-c/clerk": 1}, "needed": 3},
    "each": {"each": "office-a/expert"},
    "each-needed": {"each": "office-a/expert", "needed": 2},
}


def modes() -> ProcessDefinition:
    """Every kind of judging in every mode, one after the other."""
    stages = [
        judging(kind, f"{kind}-{mode}", by, return_to=["plan"], may_reject=mode == "one", after_correction=after)
        for kind, after in (("approve", "again"), ("sign", "straight-back"), ("assess", "again"))
        for mode, by in MODES.items()
    ]
    return definition(SUBMIT, *stages, FILE, process="modes")


def rich() -> ProcessDefinition:
    """Branches and parallel paths inside each other, every kind of stage, long titles."""
    money = {
        "branch": "money", "title": title("经费分流", "By the money asked for"),
        "ways": [
            {"title": title("十万元以上：另须专家评价与公示", "100,000 yuan and more"),
             "when": {"stage": "plan", "field": "budget.total", "at_least": 10_000_000},
             "stages": [
                 judging("assess", "experts", {"each": "office-a/expert", "needed": 3}, return_to=["plan"], fails="plan"),
                 {"publish": "posting", "title": title("公示", "Public posting"), "period": "5wd",
                  "objections_to": "office-a/clerk", "upheld": "plan"}]},
            {"title": title("无经费", "No money"), "when": {"field": "budget.kind", "one_of": ["none", "own"]}, "stages": []},
            {"stages": [judging("approve", "small", "office-b/clerk", return_to=["plan"], may_reject=True)]},
        ],
    }  # fmt: skip
    offices = {
        "parallel": "offices", "title": title("各处室并行", "Offices side by side"),
        "paths": [
            {"title": title("教学", "Teaching"), "stages": [
                judging("approve", "teaching", {"all_of": OFFICES[:2]}, return_to=["plan", "guidance"]), money]},
            {"title": title("场地", "Places"), "stages": [
                {"process": "places", "title": title("场地申请", "Request for places"), "runs": "places-request", "failed": "plan"},
                {"wait": "spring", "title": title("开学后", "After the holidays"), "until": {"date": "03-01"}}]},
            {"title": title("安全", "Safety"), "stages": [
                judging("sign", "safety", {"in_sequence": OFFICES}, return_to=["plan"], declined="plan")]},
        ],
    }  # fmt: skip
    long = {
        **SUBMIT,
        "title": title(LONG, "Drawing up and handing in the annual plan of the whole continuous programme"),
    }
    vote = judging("approve", "board", MODES["votes"], return_to=["plan", "experts"], fails="reject")
    return definition(long, APPROVE, offices, vote, FILE, process="rich")


def endings() -> ProcessDefinition:
    """A branch whose ways end the case themselves, and the other waits."""
    way = {"field": "kind", "equals": "small", "stage": "plan"}
    waits = [
        {"wait": "while", "until": {"after": "10d"}},
        {"wait": "other", "until": {"case": "annual-filing"}},
        {"wait": "due", "until": {"date": "season.due"}},
    ]
    branch = {"branch": "size", "ways": [{"when": way, "stages": [{"complete": "done"}]}, {"stages": [FILE]}]}
    return definition(SUBMIT, *waits, branch, process="endings")


def twenty() -> ProcessDefinition:
    """Twenty stages in a row."""
    stages = [judging("approve", f"step-{n}", "office-a/clerk", return_to=["plan"]) for n in range(1, 19)]
    return definition(SUBMIT, *stages, FILE, process="twenty")


def places_request() -> ProcessDefinition:
    """What `rich` runs inside of itself."""
    return ProcessDefinition.model_validate({
        "process": "places-request", "title": title("场地申请", "Request for places"), "subject": "project-group",
        "stages": [{"submit": "request", "by": "chief-coach", "form": "plan", "due": {"within": "5d"}}, {"complete": "end"}],
    })  # fmt: skip


SAMPLES = {each.process: each for each in (modes(), rich(), endings(), twenty(), places_request())}


def pack() -> Pack:
    """Return a pack in which all of these stand."""
    offices = [
        {
            "code": f"office-{each}",
            "kind": "office",
            "parent": "bureau",
            "title": title(f"{each.upper()}处", f"Office {each.upper()}"),
        }
        for each in "abc"
    ]
    unit = lambda role, zh, en: {"role": role, "at": "unit", "kinds": ["office", "institute"], "title": title(zh, en)}  # noqa: E731
    field = {"field": "total", "title": title("总额", "Total"), "type": "money"}
    kinds = [{"value": each, "title": title(f"{each}类", each)} for each in ("none", "own", "city")]
    choice = {"field": "kind", "title": title("来源", "Source"), "type": "choice", "options": kinds}
    parts = [{"part": "budget", "title": title("经费", "Budget"), "fields": [field, choice]}]
    return Pack.model_validate({
        "programme": "samples", "title": title("示例", "Samples"), "basis": title("无", "None"),
        "settings": {"timezone": "Asia/Shanghai", "remind_at": "09:00"},
        "units": [{"code": "bureau", "kind": "bureau", "title": title("教育局", "Bureau")}, *offices,
                  {"code": "institute", "kind": "institute", "parent": "bureau", "title": title("教科院", "Institute")},
                  {"code": "school", "kind": "school", "parent": "bureau", "title": title("一中", "School No. 1")}],
        "groups": [{"code": "math", "title": title("数学组", "Mathematics"), "subjects": [{"code": "math", "title": title("数学", "Mathematics")}],
                    "guiding_unit": "institute", "base_unit": "school"}],
        "positions": [
            {"role": "chief-coach", "at": "group", "title": title("首席教练员", "Chief coach")},
            {"role": "coach", "at": "group", "seats": {"min": 2}, "title": title("教练员", "Coach")},
            unit("clerk", "经办人", "Clerk"), unit("head", "负责人", "Head"), unit("expert", "专家", "Expert"), unit("reviewer", "审核人", "Reviewer"),
        ],
        "processes": [each.model_dump(mode="json") for each in SAMPLES.values()],
        "forms": [{"form": code, "title": title(zh, en), "parts": parts} for code, zh, en in (("plan", "实施方案", "Plan"), ("sheet", "评价表", "Sheet"))],
    })  # fmt: skip
