"""Refusals about people, roles and sign-in."""

from __future__ import annotations

from ground.refusals import Refusal


class WrongCredentials(Refusal):
    """Name or password is wrong, or the account is closed: the three are not told apart."""

    code = "accounts.wrong-credentials"
    kind = "unauthenticated"
    title = "This name and password do not open an account here."
    next_step = "Check both; after several failures wait five minutes."


class TooManyAttempts(Refusal):
    """Sign-in failed too often for this name or from this address."""

    code = "accounts.too-many-attempts"
    kind = "limited"
    title = "Too many failed sign-ins."
    next_step = "Wait five minutes, then try again."


class FreshSignInNeeded(Refusal):
    """The act asks for a sign-in of the last minutes, not one of this morning."""

    code = "accounts.fresh-sign-in-needed"
    kind = "unauthenticated"
    title = "Sign in again before you do this."
    next_step = "Sign in again (with a token: make a fresh one), then repeat it."


class UsernameTaken(Refusal):
    """Another account has this name."""

    code = "accounts.username-taken"
    kind = "conflict"
    title = "There is already an account of this name."
    next_step = "Choose another name."


class PasswordRefused(Refusal):
    """The password does not meet the rules; facts list which."""

    code = "accounts.password-refused"
    title = "This password does not meet the rules."
    next_step = "Choose a longer or less common one."


class UnknownRole(Refusal):
    """A role this site does not have."""

    code = "accounts.unknown-role"
    title = "This site has no such role."
    next_step = "Choose one of the roles listed."


class LastAdministrator(Refusal):
    """It would leave nobody who can look after people."""

    code = "accounts.last-administrator"
    kind = "conflict"
    title = "This is the last person who can look after accounts."
    next_step = "Give the role to someone else first."
