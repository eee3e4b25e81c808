"""The standard's segments, and how many fields each has in any version: data, no code.

Law: a rules file may name only fields that some version of the standard defines; "the standard's
fields" is the union of 2.1 to 2.9.1 (rules reference, "Z segments"). Where a version's count is
uncertain, the higher one is kept: a number that is too high only lets a rule name a field that
never arrives. Z segments are not listed; their fields are not checked.
"""

from __future__ import annotations

_TABLE = """
ABS 14  ACC 13  ADD 1  ADJ 15  AFF 5  AIG 14  AIL 12  AIP 12  AIS 12  AL1 6  APR 5  ARQ 26
ARV 10  AUT 30  BHS 17  BLC 2  BLG 4  BPO 14  BPX 21  BTS 3  BTX 20  BUI 12  CDM 13  CDO 4
CER 31  CM0 11  CM1 3  CM2 4  CNS 6  CON 27  CSP 4  CSR 16  CSS 3  CTD 8  CTI 3  CTR 18
DB1 8  DEV 21  DG1 26  DMI 5  DON 33  DPS 5  DRG 33  DSC 2  DSP 5  DST 3  ECD 5  ECR 3
EDU 9  EQL 4  EQP 5  EQU 5  ERQ 3  ERR 12  EVN 7  FAC 12  FHS 17  FT1 56  FTS 2  GOL 22
GP1 5  GP2 14  GSC 8  GSP 7  GSR 16  GT1 57  IAM 30  IAR 4  IIM 15  ILT 10  IN1 55
IN2 72  IN3 27  INV 21  IPC 9
IPR 8  ISD 3  ITM 33  IVC 30  IVT 26  LAN 4  LCC 4  LCH 5  LDP 12  LOC 9  LOH 3  LRL 6
MCP 5  MFA 6  MFE 8  MFI 6  MRG 7  MSA 8  MSH 28  NCK 1  NDS 4  NK1 41  NPU 2  NSC 9  NST 15
NTE 9  OBR 55  OBX 33  ODS 4  ODT 3  OH1 7  OH2 18  OH3 11  OH4 6  OM1 60  OM2 11  OM3 8
OM4 19  OM5 4  OM6 3  OM7 24  OMC 13  ORC 38  ORG 13  ORO 4  OVR 5  PAC 8  PCE 4  PCR 23
PD1 23  PDA 9  PDC 15  PEO 25  PES 13  PID 40  PKG 8  PM1 24  PMT 12  PR1 25  PRA 12  PRB 28
PRC 18  PRD 15  PRT 26  PSG 6  PSH 14  PSL 48  PSS 5  PTH 7  PV1 54  PV2 50  PYE 7  QAK 6
QID 2  QPD 99  QRD 12  QRF 10  QRI 3  RCP 7  RDF 2  RDT 99  REL 16  RF1 25  RFI 4  RGS 3
RMI 3  ROL 14  RQ1 7  RQD 10  RX1 30  RXA 31  RXC 11  RXD 36  RXE 47  RXG 34  RXO 37  RXR 6
RXV 22  SAC 54  SCD 37  SCH 28  SCP 8  SDD 7  SFT 6  SGH 2  SGT 2  SHP 11  SID 4  SLT 5
SPM 35  SPR 4  STF 42  STZ 4  TCC 15  TCD 8  TQ1 14  TQ2 10  TXA 28  UAC 3  UB1 23  UB2 17
URD 7  URS 9  VAR 6  VND 5  VTQ 5
"""

_WORDS = _TABLE.split()

#: Segment id → highest field number in the union of HL7 2.1 to 2.9.1. `QPD` and `RDT` carry as
#: many fields as their query asks for.
HIGHEST_FIELD: dict[str, int] = dict(zip(_WORDS[::2], map(int, _WORDS[1::2]), strict=True))

#: Segments whose field 1 numbers them among their siblings (their "Set ID").
SET_ID_SEGMENTS = frozenset(
    {"PID", "PV1", "NK1", "OBR", "OBX", "NTE", "DG1", "PR1"}
    | {"AL1", "GT1", "IN1", "IN3", "FT1", "SPM", "TXA"}
)
