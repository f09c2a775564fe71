"""Database fields for what a chain deals in: addresses, hashes and amounts in base units."""

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from django_project.core import addresses
from django_project.core.money import UINT256_MAX

UINT256_DIGITS = 78


class FixedBytesField(models.BinaryField):  # type: ignore[type-arg]  # the stubs make it generic, Django does not
    """Exactly `size` bytes; reads as `bytes`, shows and parses as 0x-hex in forms and the admin."""

    size = 0
    # Read by the type checker's plugin alone: rows hand over `bytes`, never a memoryview.
    _pyi_private_get_type: bytes

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> bytes | None:
        return None if value is None else bytes(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, str):
            value = self.to_python(value)
        if value is not None and len(value) != self.size:
            raise ValueError(f"{self.name} takes {self.size} bytes, not {len(value)}")
        return super().get_db_prep_value(value, connection, prepared)

    def to_python(self, value: Any) -> bytes | None:
        if isinstance(value, str):
            try:
                return self.parse(value)
            except ValueError as error:
                raise ValidationError(str(error)) from error
        return None if value is None else bytes(value)

    def parse(self, text: str) -> bytes:
        raise ValueError(f"{type(self).__name__} does not say how its text is read")

    def value_to_string(self, obj: models.Model) -> str:
        value = self.value_from_object(obj)
        return "" if value is None else "0x" + bytes(value).hex()


class AddressField(FixedBytesField):
    """A 20-byte address."""

    size = addresses.ADDRESS_BYTES

    def parse(self, text: str) -> bytes:
        return addresses.parse_address(text)


class Key(bytes):
    """A hash under which a row is kept; as text, in the addresses of the admin's pages too, it is 0x-hex."""

    def __str__(self) -> str:
        return f"0x{self.hex()}"


class HashField(FixedBytesField):
    """A 32-byte hash, topic or reference."""

    size = addresses.HASH_BYTES

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> bytes | None:
        found = super().from_db_value(value, expression, connection)
        return Key(found) if self.primary_key and found is not None else found

    def parse(self, text: str) -> bytes:
        return addresses.parse_hash(text)


class BaseUnitsField(models.DecimalField):  # type: ignore[type-arg]  # as above
    """A uint256 amount in base units: NUMERIC(78, 0) in PostgreSQL, `int` in Python."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["max_digits"] = UINT256_DIGITS
        kwargs["decimal_places"] = 0
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        del kwargs["max_digits"], kwargs["decimal_places"]
        return name, path, args, kwargs

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> int | None:
        return None if value is None else int(value)

    def to_python(self, value: Any) -> Any:
        parsed = super().to_python(value)
        return None if parsed is None else int(parsed)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        if isinstance(value, int):
            if not 0 <= value <= UINT256_MAX:
                raise ValueError(f"{self.name} holds a uint256, not {value}")
            value = Decimal(value)
        return super().get_db_prep_value(value, connection, prepared)
