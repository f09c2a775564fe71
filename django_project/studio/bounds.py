"""What the contract takes of a campaign's terms: constants of CampaignFactory.sol and CampaignArgs.sol."""

from datetime import timedelta

MIN_FUNDING_PERIOD = timedelta(days=1)
MAX_FUNDING_PERIOD = timedelta(days=90)
MAX_FIRST_SHARE_BPS = 5_000
MAX_MILESTONE_PERIOD = timedelta(days=365)
MIN_EVIDENCE_PERIOD = timedelta(days=1)
OBJECTION_DAYS = (3, 30)
OBJECTION_THRESHOLD_BPS = (1_000, 5_000)
MAX_AMOUNT = 2**104 - 1
MAX_MIN_CONTRIBUTION = 2**88 - 1
MAX_SUPPLY = 2**32 - 1
