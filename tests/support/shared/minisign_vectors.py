"""What minisign 0.11 itself wrote: a key pair without password, and its signatures of MESSAGE."""

from __future__ import annotations

MESSAGE = b"hello pack\n"
PUBLIC_KEY = (
    "untrusted comment: minisign public key AD016935C774489C\n"
    "RWScSHTHNWkBrWx4OfuV1SwKgnNHSGXkXWHc7VgmQckCl5ZDNB/bBI54\n"
)
SECRET_KEY = (
    "untrusted comment: minisign encrypted secret key\n"
    "RWQAAEIyAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAnEh0xzVp"
    "Aa0Bw3jK2wNB+C184oCCWeeT09LEWlA6c0YQK0MoyNU6CWx4OfuV1SwKgnNHSGXkXWHc7VgmQckCl5ZD"
    "NB/bBI54AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
)
PLAIN_SIGNATURE = (
    "untrusted comment: signature from minisign secret key\n"
    "RWScSHTHNWkBrees+HKirJZMY/oCTwCFm7fAPJ2t9EA1R5FCa9WDdHL4uIUaQcu2fSzw3dS/iCuuj9Af"
    "FIgBeahV5UkZzvoOIgY=\n"
    "trusted comment: legacy\n"
    "wDntIVvKIK2g5aiozssu6rWrfytOAOCIvE7JYGLOXj8KMM0rd717wIEd9kE50QjZGTKFy3/QIZIlQQ/T"
    "2Ny0Aw==\n"
)
PREHASHED_SIGNATURE = (
    "untrusted comment: signature from minisign secret key\n"
    "RUScSHTHNWkBraFVzcmKIGsINEh1hgW8WzDCB7AKy9+Fj3S77Ypr9j4LV9wzTpNRX56k7XPQgbfxp9yh"
    "VsmCYW07M5exXb2YzgI=\n"
    "trusted comment: stt pack checks serial 3\n"
    "i3htvW+J8BROSZsGd3YXpWW8fJsCn1GtMt5gss3VbfZcLZaZ73Nj9IycLVhuwYHf0mC7VI6wdLFVQg3r"
    "SILdBg==\n"
)
DEFAULT_COMMENT = (
    "untrusted comment: signature from minisign secret key\n"
    "RUScSHTHNWkBraFVzcmKIGsINEh1hgW8WzDCB7AKy9+Fj3S77Ypr9j4LV9wzTpNRX56k7XPQgbfxp9yh"
    "VsmCYW07M5exXb2YzgI=\n"
    "trusted comment: timestamp:1795433524\tfile:m.bin\thashed\n"
    "d4Pf4fu8ozgAtzb46TIggPm2warH+1EaYwavzFkrhiB2BxaVXSayZanbMCrCfsmKLSnAq+vWnOGw8cbV"
    "UC7CCw==\n"
)
