"""Text of DynamoDB's condition, key condition and update expressions to trees. A tree is kept per text: code has a few dozen texts."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

Step = str | int
"""One step of a path: `#alias` or `[3]`."""
TOKENS = re.compile(r"\s*(?:([#:]\w+)|([A-Za-z_]\w*)|(\d+)|(<>|<=|>=|[=<>(),.\[\]+-]))")
COMPARISONS = {"=", "<>", "<", "<=", ">", ">="}
TRUTHS = {"attribute_exists": 1, "attribute_not_exists": 1, "attribute_type": 2, "begins_with": 2, "contains": 2}
"""Functions that are conditions, with the number of their arguments."""
OPERANDS = {"size": 1, "if_not_exists": 2, "list_append": 2}


class BadExpression(Exception):
    """The text is none of the language: a bug of the caller."""


@dataclass(frozen=True)
class Path:
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Value:
    name: str


@dataclass(frozen=True)
class Call:
    """`size(#a)` as an operand, `contains(#a, :b)` as a condition."""

    function: str
    arguments: tuple["Operand", ...]


@dataclass(frozen=True)
class Sum:
    """`left + right`, or with `minus`, `left - right`."""

    left: "Operand"
    right: "Operand"
    minus: bool


Operand = Path | Value | Call | Sum


@dataclass(frozen=True)
class Comparison:
    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True)
class Between:
    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True)
class OneOf:
    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True)
class Both:
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Either:
    parts: tuple["Condition", ...]


@dataclass(frozen=True)
class Negation:
    condition: "Condition"


Condition = Comparison | Between | OneOf | Both | Either | Negation | Call


@dataclass(frozen=True)
class Assignment:
    """One action of an update. `operand` is None for REMOVE."""

    clause: str
    path: Path
    operand: Operand | None


@cache
def condition(text: str) -> Condition:
    reader = _Reader(text)
    found = reader.condition()
    reader.end()
    return found


@cache
def update(text: str) -> tuple[Assignment, ...]:
    reader = _Reader(text)
    return tuple(reader.clauses())


@cache
def projection(text: str) -> tuple[Path, ...]:
    return tuple(_Reader(text).paths())


@cache
def references(text: str) -> frozenset[str]:
    """The `#names` and `:values` that it uses: DynamoDB refuses to be told of others."""
    return frozenset(token for token in _tokens(text) if token[0] in "#:")


def _tokens(text: str) -> list[str]:
    tokens, position, stripped = [], 0, text.rstrip()
    while position < len(stripped):
        match = TOKENS.match(stripped, position)
        if match is None:
            raise BadExpression(f"Syntax error; token near: {stripped[position : position + 12]!r}")
        tokens.append(match[0].strip())
        position = match.end()
    return tokens


class _Reader:
    """Recursive descent: OR over AND over NOT over comparisons."""

    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._position = 0
        if not self._tokens:
            raise BadExpression("The expression can not be empty")

    def condition(self) -> Condition:
        return self._joined("OR", Either, lambda: self._joined("AND", Both, self._negation))

    def clauses(self) -> Iterator[Assignment]:
        seen: set[str] = set()
        while self._peek():
            clause = self._next().upper()
            if clause not in {"SET", "REMOVE", "ADD", "DELETE"}:
                raise BadExpression(f"Syntax error; token: {clause!r}")
            if clause in seen:
                raise BadExpression(f'The "{clause}" section can only be used once in an update expression')
            seen.add(clause)
            yield self._action(clause)
            while self._took(","):
                yield self._action(clause)

    def paths(self) -> Iterator[Path]:
        yield self._path()
        while self._took(","):
            yield self._path()
        self.end()

    def end(self) -> None:
        if self._peek():
            raise BadExpression(f"Syntax error; token: {self._peek()!r}")

    def _action(self, clause: str) -> Assignment:
        path = self._path()
        if clause == "REMOVE":
            return Assignment(clause, path, None)
        if clause == "SET":
            self._expect("=")
            return Assignment(clause, path, self._sum())
        return Assignment(clause, path, self._operand())

    def _joined(self, word: str, made: type[Both] | type[Either], part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._took(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else made(tuple(parts))

    def _negation(self) -> Condition:
        return Negation(self._negation()) if self._took("NOT") else self._comparison()

    def _comparison(self) -> Condition:
        if self._took("("):
            found = self.condition()
            self._expect(")")
            return found
        if self._peek() in TRUTHS:
            return self._call(TRUTHS)
        left = self._operand()
        if self._took("BETWEEN"):
            low = self._operand()
            self._expect("AND")
            return Between(left, low, self._operand())
        if self._took("IN"):
            return OneOf(left, self._arguments())
        operator = self._next()
        if operator not in COMPARISONS:
            raise BadExpression(f"Syntax error; token: {operator!r}")
        return Comparison(operator, left, self._operand())

    def _sum(self) -> Operand:
        left = self._operand()
        if self._peek() in {"+", "-"}:
            return Sum(left, minus=self._next() == "-", right=self._operand())
        return left

    def _operand(self) -> Operand:
        if self._peek().startswith(":"):
            return Value(self._next())
        return self._call(OPERANDS) if self._peek() in OPERANDS else self._path()

    def _call(self, known: dict[str, int]) -> Call:
        function = self._next()
        arguments = self._arguments()
        if len(arguments) != known[function]:
            raise BadExpression(f"Incorrect number of operands for operator or function; operator or function: {function}")
        return Call(function, arguments)

    def _arguments(self) -> tuple[Operand, ...]:
        self._expect("(")
        found = [self._operand()]
        while self._took(","):
            found.append(self._operand())
        self._expect(")")
        return tuple(found)

    def _path(self) -> Path:
        steps: list[Step] = [self._alias()]
        while True:
            if self._took("."):
                steps.append(self._alias())
            elif self._took("["):
                steps.append(int(self._next()))
                self._expect("]")
            else:
                return Path(tuple(steps))

    def _alias(self) -> str:
        """Stricter than DynamoDB, which takes bare names that are none of its 573 reserved words."""
        token = self._next()
        if not token.startswith("#"):
            raise BadExpression(f"an attribute's name needs an alias here; token: {token!r}")
        return token

    def _peek(self) -> str:
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise BadExpression("Syntax error; the expression ends too early")
        self._position += 1
        return token

    def _took(self, token: str) -> bool:
        if self._peek().upper() != token:
            return False
        self._position += 1
        return True

    def _expect(self, token: str) -> None:
        if not self._took(token):
            raise BadExpression(f"Syntax error; token: {self._peek()!r}, expected {token!r}")
