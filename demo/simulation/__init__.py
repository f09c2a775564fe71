"""A history of the demo's site: who looked at what, who backed it and what became of each campaign.

Pure and seeded: the same catalogue, scale and seed give the same scenario, whatever the machine or the day.
Times are whole seconds since the chain's genesis; `HORIZON` is when the demo opens.
"""

from demo.simulation.scenario import HORIZON, Scale, Scenario, simulate

__all__ = ["HORIZON", "Scale", "Scenario", "simulate"]
