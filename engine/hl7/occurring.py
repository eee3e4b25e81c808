"""Which segments a kind of message may have at all: data, no code.

Law: the union over versions 2.1 to 2.9, so that what is missing here stands in no version's
structure of any trigger event. Kinds that are not listed are not known. Senders add segments of
their own liking, so that this serves to ask a question, never to refuse anything.
"""

from __future__ import annotations

_TABLE = """
ADT ACC AL1 ARV AUT DB1 DG1 DRG EVN GT1 IAM IAR IN1 IN2 IN3 MRG MSH NK1 NPU NTE OBX OH1 OH2 OH3 OH4
ADT PD1 PDA PID PR1 PRT PV1 PV2 RF1 ROL SFT UAC UB1 UB2
BAR ABS ACC AL1 BLC DB1 DG1 DRG EVN GP1 GP2 GT1 IN1 IN2 IN3 MSH NK1 OBX PD1 PID PR1 PRT PV1 PV2 RMI
BAR ROL SFT UAC UB1 UB2
DFT ACC DB1 DG1 DRG EVN FT1 GT1 IN1 IN2 IN3 MSH NK1 NTE OBR OBX ORC PD1 PID PR1 PRT PV1 PV2 ROL SFT
DFT TQ1 TQ2 UAC
MDM ARV CON EVN MSH NK1 NTE OBR OBX ORC PID PRT PV1 SFT TQ1 TQ2 TXA UAC
OMG AL1 ARV BLG CTD CTI DG1 FT1 GT1 IN1 IN2 IN3 MSH NK1 NTE OBR OBX ORC PD1 PID PRT PV1 PV2 ROL SAC
OMG SFT SGH SGT SPM TQ1 TQ2 UAC
OML AL1 ARV BLG CTD CTI DG1 FT1 GT1 IN1 IN2 IN3 MSH NK1 NTE OBR OBX ORC PAC PD1 PID PRT PV1 PV2 ROL
OML SAC SFT SGH SGT SHP SPM TCD TQ1 TQ2 UAC
ORM AL1 BLG CTD CTI DG1 FT1 GT1 IN1 IN2 IN3 MSH NTE OBR OBX ODS ODT ORC ORO PD1 PID PV1 PV2 RQ1 RQD
ORM RX1 RXC RXO RXR
ORU ARV CTD CTI DSC FT1 IN1 IN2 IN3 MSH NK1 NTE OBR OBX ORC PD1 PID PRT PV1 PV2 ROL SFT SPM TQ1 TQ2
ORU TXA UAC
OUL ARV CTI DSC INV MSH NK1 NTE OBR OBX ORC PD1 PID PRT PV1 PV2 ROL SAC SFT SID SPM TCD TQ1 TQ2 TXA
OUL UAC
REF ACC AL1 AUT CTD DG1 DRG GT1 IN1 IN2 IN3 MSH NK1 NTE OBR OBX PID PR1 PRD PRT PV1 PV2 RF1 SFT UAC
SIU AIG AIL AIP AIS DG1 MSH NTE OBX PD1 PID PRT PV1 PV2 RGS SCH TQ1
VXU ARV GT1 IN1 IN2 IN3 MSH NK1 NTE OBX ORC PD1 PID PRT PV1 PV2 RXA RXR SFT TQ1 TQ2 UAC
"""


def _read() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _TABLE.split("\n"):
        if line:
            code, *segments = line.split()
            found[code] = found.get(code, frozenset()) | frozenset(segments)
    return found


#: Message code (MSH-9.1) → the segments that its structures may have.
OCCURRING: dict[str, frozenset[str]] = _read()
