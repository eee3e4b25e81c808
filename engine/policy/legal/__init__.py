"""What the law and the patient keep back or bring along, before and beside all rules."""
