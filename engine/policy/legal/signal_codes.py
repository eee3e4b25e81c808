"""What the codes of confidentiality markers mean to the engine (standards.md B-7.1 to B-7.6).

Law: each table names what restricts and what does not; what a table does not name restricts.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum


class Says(Enum):
    """What a code says."""

    NOTHING = "nothing"  # or something that the labels of the packs stand for
    RESTRICTED = "restricted"  # not for payers
    SELF_PAY = "self-pay"  # 45 CFR 164.522(a)(1)(vi)
    MARKED = "marked"  # protected, nobody knows from whom: a person looks
    REFUSED = "refused"  # a consent was refused or rescinded
    OPTS_OUT = "opts-out"  # of all but treatment and payment


#: Table 0717, ARV-3. Those that the packs make labels of say nothing more, and neither do permits.
ACCESS: Mapping[str, Says] = {
    **dict.fromkeys(("ALL", "EMRGONLY", "Title38Section7332"), Says.RESTRICTED),
    "HIPAASelfPay": Says.SELF_PAY,
    **dict.fromkeys(("OPTOUT", "OPTOUTE", "OO"), Says.OPTS_OUT),
    "NOCONSENT": Says.REFUSED,
    **dict.fromkeys(
        ("HIV", "STD", "PSY", "DRG", "SMD", "42CFRPart2", "42CFRPart2CD", "HIPAAPsyNotes"),
        Says.NOTHING,
    ),
    **dict.fromkeys(
        ("NO", "OI", "OPTIN", "OPTINR", "IMPLIED", "IMPLIEDD", "HIPAAConsent", "HIPAAConsentCD",
         "HIPAAAuth", "HIPAAAuthCD", "HIPAAROA", "HIPAANOPP", "NOPP"),
        Says.NOTHING,
    ),
}  # fmt: skip

#: Table 0952, v3 Confidentiality: ARV-7, MSH-26. V and R are more than normal.
CONFIDENTIALITY: Mapping[str, Says] = {
    **dict.fromkeys(("U", "L", "M", "N"), Says.NOTHING),
    **dict.fromkeys(("V", "R"), Says.RESTRICTED),
}

#: Table 0272, TXA-18: usual control; all others restrict.
DOCUMENTS: Mapping[str, Says] = {
    **dict.fromkeys(("U", "UC"), Says.NOTHING),
    **dict.fromkeys(("V", "R", "VR", "RE", "1", "2", "3"), Says.RESTRICTED),
}

#: Table 0177, ORC-28: usual, who the patient is, and what the packs make labels of.
ORDERS: Mapping[str, Says] = {
    **dict.fromkeys(
        ("U", "EMP", "VIP", "UWM", "PSY", "AID", "HIV", "ETH"),
        Says.NOTHING,
    ),
    **dict.fromkeys(("V", "R"), Says.RESTRICTED),
}

#: Types of consent (table 0496) about who receives what, and about who does not.
_RELEASES = ("001", "057", "079", "103", "123")
_DENIALS = ("110", "111")

#: CON-2 and CON-11 (tables 0496, 0498). A type without status: every status that is not named; no
#: type: one of the sender's own. All other types say nothing about disclosure.
CONSENTS: Mapping[tuple[str, str], Says] = {
    **dict.fromkeys(((kind, status) for kind in _RELEASES for status in "RX"), Says.REFUSED),
    **dict.fromkeys(((kind, status) for kind in _RELEASES for status in "APB"), Says.NOTHING),
    **dict.fromkeys(((kind, "") for kind in (*_RELEASES, *_DENIALS)), Says.MARKED),
    **dict.fromkeys(((kind, status) for kind in _DENIALS for status in "AL"), Says.RESTRICTED),
    **dict.fromkeys(((kind, status) for kind in _DENIALS for status in "RX"), Says.NOTHING),
    **dict.fromkeys((("", status) for status in "ALPB"), Says.NOTHING),
    ("", ""): Says.MARKED,
}
