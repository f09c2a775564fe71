"""What can be wrong with a campaign's text."""

from django_project.core.errors import InvalidInputError


class InvalidDocumentError(InvalidInputError):
    """A campaign's or an update's text breaks a rule; `fields` says which field and why."""
