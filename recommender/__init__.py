"""Which campaigns for whom, and why: tables in, versioned runs and rankings out.

Knows neither Django nor the chain. `recommender.pipeline` is what workers call, `python -m recommender`
what people type.
"""
