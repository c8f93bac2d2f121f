"""Names of people: what is accepted, one middle dot, and the key by which they sort."""

from __future__ import annotations

import re
import unicodedata

from pypinyin import Style, lazy_pinyin

from services.errors import InvalidInputError
from services.i18n import Message

LIMIT, KEY_LIMIT = 100, 200
MIDDLE_DOTS = str.maketrans(dict.fromkeys("•・‧∙⋅･᛫", "·"))
HAN = r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
FULL_STOP = re.compile(rf"(?<={HAN})\s*[.．·]\s*(?={HAN})")
REFUSED = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Characters read otherwise in a surname than in a word.
SURNAMES = {
    "尉迟": "yu4 chi2", "万俟": "mo4 qi2", "单于": "chan2 yu2", "长孙": "zhang3 sun1", "单": "shan4", "曾": "zeng1",
    "解": "xie4", "仇": "qiu2", "区": "ou1", "查": "zha1", "朴": "piao2", "任": "ren2", "盖": "ge3", "翟": "zhai2",
    "缪": "miao4", "种": "chong2", "覃": "qin2", "华": "hua4", "燕": "yan1", "乐": "yue4", "员": "yun4", "洗": "xian3",
    "秘": "bi4", "折": "she2", "黑": "he4", "重": "chong2", "繁": "po2", "那": "na1", "宁": "ning4", "召": "shao4",
    "应": "ying1", "纪": "ji3", "石": "shi2", "车": "che1", "谌": "chen2", "逄": "pang2",
}  # fmt: skip


def clean_name(text: str) -> str:
    """Return a person's name as it is stored.

    Spaces are made single; whatever stands for the middle dot of a name in a Chinese text becomes “·”. Characters are
    kept as they are, also the rare ones of GB 18030: no Unicode normalisation, which would replace some of them.

    Raises:
        InvalidInputError: it is empty, longer than 100 characters, or holds control characters.
    """
    name = " ".join(text.split()).translate(MIDDLE_DOTS)
    name = FULL_STOP.sub("·", name)
    if not name:
        raise _wrong(Message("A name is needed."))
    if len(name) > LIMIT:
        raise _wrong(Message("A name has at most {limit} characters.", {"limit": LIMIT}))
    if any(unicodedata.category(letter) in REFUSED or letter in DIRECTIONS for letter in name):
        raise _wrong(Message("The name holds characters that cannot be shown."))
    return name


def sort_key(name: str) -> str:
    """Return the key by which names sort: pinyin with tones, the surname as surnames are read."""
    head, tail = _surname(name)
    syllables = [*head.split(), *lazy_pinyin(tail, style=Style.TONE3, neutral_tone_with_five=True)]
    return " ".join(syllables).casefold()[:KEY_LIMIT]


def _surname(name: str) -> tuple[str, str]:
    for length in (2, 1):
        if name[:length] in SURNAMES and len(name) > length:
            return SURNAMES[name[:length]], name[length:]
    return "", name


def _wrong(message: Message) -> InvalidInputError:
    return InvalidInputError([{"field": "name", "message": message}])
