"""What conditions are written with: code sets, moments, patterns; no rule and no message."""
