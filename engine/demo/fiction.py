"""Names, addresses, tests and prices of people and hospitals that do not exist."""

from __future__ import annotations

FAMILY_NAMES = ("ADAMS", "BAKER", "CHEN", "DIAZ", "EVANS", "FOSTER", "GARCIA", "HUGHES", "IBRAHIM")
GIVEN_NAMES = ("ALEX", "BLAIR", "CASEY", "DANA", "ELLIS", "FRANKIE", "GLENN", "HARPER", "JORDAN")
STREETS = ("ELM ST", "OAK AVE", "MAPLE RD", "LAKE DR", "HILL CT")
#: What follows the street in PID-11.
TOWN = "^^SPRINGFIELD^NY^12345"
WARDS = ("3W", "4E", "ICU", "ED", "SURG")
#: PV1-10, user-defined table 0069; rules may withhold more from psychiatric stays.
SERVICES = ("MED", "MED", "MED", "SUR", "CAR", "MED", "SUR", "PSY")
DOCTORS = ("1001^STONE^MORGAN^^^^MD", "1002^LAKE^RILEY^^^^MD", "1003^WOODS^QUINN^^^^MD")
DIAGNOSES = (
    "J18.9^Pneumonia, unspecified organism^I10",
    "I10^Essential (primary) hypertension^I10",
    "E11.9^Type 2 diabetes mellitus without complications^I10",
    "S52.501A^Fracture of lower end of right radius^I10",
    "K35.80^Unspecified acute appendicitis^I10",
)
ALLERGIES = ("70618^Penicillin^RXNORM", "2670^Codeine^RXNORM", "7980^Peanut^L")
CHARGES = (
    ("99223^Initial hospital care^CPT", "312.50"),
    ("71046^Chest x-ray, two views^CPT", "84.00"),
    ("80053^Comprehensive metabolic panel^CPT", "41.25"),
    ("85025^Complete blood count^CPT", "28.75"),
)
PANELS: tuple[tuple[str, tuple[tuple[str, str, str, float, float], ...]], ...] = (
    (
        "24323-8^Comprehensive metabolic panel^LN",
        (
            ("2345-7^Glucose^LN", "mg/dL", "70-99", 70, 140),
            ("3094-0^Urea nitrogen^LN", "mg/dL", "7-20", 6, 26),
            ("2160-0^Creatinine^LN", "mg/dL", "0.6-1.2", 0.5, 1.8),
            ("2951-2^Sodium^LN", "mmol/L", "135-145", 131, 148),
        ),
    ),
    (
        "58410-2^Complete blood count^LN",
        (
            ("6690-2^Leukocytes^LN", "10*3/uL", "4.5-11.0", 3, 16),
            ("718-7^Hemoglobin^LN", "g/dL", "12.0-17.5", 9, 18),
            ("777-3^Platelets^LN", "10*3/uL", "150-450", 110, 480),
        ),
    ),
    ("24331-1^Lipid panel^LN", (("2093-3^Cholesterol^LN", "mg/dL", "<200", 120, 280),)),
)
