"""What every context shares: ids, money, time, frozen models, refusals, writes. Imports pydantic and the standard library only."""
