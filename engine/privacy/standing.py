"""How a restriction stands between its request and its end (45 CFR 164.522(a)).

Law: a hospital need not agree to a restriction, and only one to which it agreed holds; to one of
what was paid for in full it must agree, and it cannot end it (164.522(a)(1)(ii), (vi), (a)(2)).
While it is not known whether it was paid, what it is about waits, from the request on.
"""

from __future__ import annotations

from enum import Enum


class Standing(Enum):
    """Where it stands; the value is what files and commands say."""

    REQUESTED = "requested"  # nobody has agreed, nor confirmed that it is paid in full
    PENDING_PAYMENT = "pending_payment"  # it is not confirmed that it was paid in full: it waits
    AGREED = "agreed"
    MANDATORY = "mandatory"  # paid in full: the hospital must agree
    DECLINED = "declined"
    TERMINATED_BY_PATIENT = "terminated_by_patient"  # withdrawn, or lifted
    TERMINATED_BY_HOSPITAL = "terminated_by_hospital"  # it holds for care before that alone
    VOID_PAYMENT_FAILED = "void_payment_failed"


#: Those that keep back what they are about.
IN_FORCE = frozenset({Standing.AGREED, Standing.MANDATORY})

#: Those that are before that: nobody has decided yet.
OPEN = frozenset({Standing.REQUESTED, Standing.PENDING_PAYMENT})
