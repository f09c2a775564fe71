"""What the C library does with memory that Python has let go of."""

import ctypes

# mallopt(3): the parameter's number in <malloc.h>, and glibc's own value for it at the start.
_M_MMAP_THRESHOLD = -3
_THRESHOLD_BYTES = 128 * 1024


def return_large_buffers() -> None:
    """Have buffers above 128 KiB go back to the system when they are freed, in this process from now on.

    By itself glibc raises that threshold to the size of whatever was freed last, and keeps replies of many
    megabytes in each thread's arena. Other C libraries, which have no such call, stay as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _THRESHOLD_BYTES)
