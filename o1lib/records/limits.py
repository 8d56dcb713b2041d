"""The largest sizes that a user can ask for and a server can send, in one place.

check_size("n", 4)                  # 4
check_size("n", 10**12)             # UserError: n is 1,000,000,000,000: give at most 1,024
check_size("--batch", 10**12)       # the same for an option of a command

The bounds are far above what the study or the papers use, and nothing is measured at them. They turn a slip of the
finger into a sentence, where it would fill the memory or run for years.
"""

import math

from o1lib.records.errors import UserError

MOST_TOKENS_OF_A_REPLY = 100_000_000  # a server's count above it cannot be true
MOST_BYTES_OF_A_REPLY = 32_000_000
OTHERWISE = 100_000_000  # of any other size: questions, examples, items, drawings
MOST = {
    # searches: candidates of a stage or beams, survivors, steps back
    "n": 1_024,
    "keep": 1_024,
    "retraces": 1_024,
    # tokens: of a stage, of a reply, of a question, of all requests of a teacher
    "max_new_tokens": 131_072,
    "max_tokens": 1_000_000,
    "teacher_tokens": 1_000_000,
    "judge_tokens": 1_000_000,
    "grader_tokens": 1_000_000,
    "max_tokens_per_question": 1_000_000_000,
    "max_tokens_total": 100_000_000_000,
    # training
    "looks": 10_000,
    "curve_points": 10_000,
    "batch": 65_536,
    "at_once": 65_536,
    "processes": 4_096,
    "gpu_gb": 10_000,
    "tflops": 1_000_000,
    "learning_rate": 1_000,
    "temperature": 100,
    # the study
    "seed": 2**32 - 1,
    "seeds": 2**32 - 1,
    "jobs": 1_024,
    "depths": 12,
    # requests to a server
    "attempts": 100,
    "concurrency": 256,
    "timeout": 86_400,
    "requests_per_minute": 1_000_000,
    "price": 1_000_000,  # of a million tokens
}


def check_temperature(value: float) -> float:
    """Return a temperature of sampling, 0 for greedy decoding. Raises UserError for a negative or too high one."""
    if not 0 <= value < math.inf:
        raise UserError(f"temperature {value:g} is invalid: give 0 for greedy decoding, or a positive number")
    return check_size("temperature", value)


def check_size(name: str, value: float, kind: str = "") -> float:
    """Return `value` if it is at most the bound of its name, which may be an option such as --max-tokens.

    `kind` is the name in MOST where it differs. Raises UserError, which names the value and the bound.
    """
    plain = (kind or name.removeprefix("--")).replace("-", "_").lower()
    most = MOST.get(plain, OTHERWISE)
    if not value <= most:
        raise UserError(f"{name} is {value:{',' if isinstance(value, int) else 'g'}}: give at most {most:,}")
    return value
