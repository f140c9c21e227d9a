"""Lists: `limit`, an opaque signed `cursor`, and `{items, next}`."""

from pydantic import BaseModel, ConfigDict, Field


class PageQuery(BaseModel):
    """`limit` 1 to 100 (25 unless told); `cursor` is the `next` of the page before."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    limit: int = Field(default=25, ge=1, le=100)
    cursor: str | None = Field(default=None, max_length=6000)
