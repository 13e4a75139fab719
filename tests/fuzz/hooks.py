"""What schemathesis does before each of its calls."""

import itertools

import schemathesis

# The document's example, which would be sent with every well-formed body: all but the first would be the 422 of a key
# that was used for another body, and nothing else would be tried.
EXAMPLE = "7f9c2ba4-e88f-41d3-9f0a-6b2f0d3c8e15"

numbers = itertools.count(1)


@schemathesis.hook
def before_call(context, case, kwargs):
    """Gives each call an Idempotency-Key of its own in place of the example; what was made up stays as it is."""
    if case.headers and case.headers.get("Idempotency-Key") == EXAMPLE:
        case.headers["Idempotency-Key"] = f"call-{next(numbers)}"
