"""What two COSE libraries, written by others, say of the vectors' signatures: PyPI `cwt` and `pycose`.

Usage: check.py VECTORS.json... token-status-list.json. Prints one JSON line for each vector and library. A library is handed
each message with the keys that could have signed it, as a caller would; what is not its business (the text, the one strict
form, roles, lifetimes, policy) is `n.a.`. An answer that is neither the format's nor explained below is `unexplained`.
"""

import json
import re
import sys
import zlib

import cbor2
from cwt import COSE, COSEKey
from pycose.keys import CoseKey
from pycose.messages import CoseMessage

BASE45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
KTY, KID, ALG, CRV, X = 1, 2, 3, -1, -2
EDDSA, ES256 = -8, -7
HEADER_ALG, HEADER_KID, HEADER_KCWT = 1, 4, 13
TRUST_KEYS, STATUS_LIST, STATUS, CNF, SUB = -65551, 65533, 65535, 8, 2
MEANING = {0: "accepted", 1: "revoked", 2: "suspended", 3: "status-unknown"}


def cwt_holds(message: bytes, key: dict, kid: bytes | None) -> bool:
    # The library wants to be told the key's algorithm, and compares the message's kid with the key's.
    alg = EDDSA if key[KTY] == 1 else ES256
    return COSE.new().decode(message, COSEKey.new({**key, ALG: alg, **({KID: kid} if kid else {})})) is not None


def pycose_holds(message: bytes, key: dict, kid: bytes | None) -> bool:
    decoded = CoseMessage.decode(message)
    decoded.key = CoseKey.from_dict(dict(key))
    return bool(decoded.verify_signature())


LIBRARIES = {"cwt": cwt_holds, "pycose": pycose_holds}

# Where a library answers otherwise: the code, the vectors' names, the libraries, what that is, and why it is no fault of the format.
STRICT = "sound signature; the one strict form is not asked for"
CONTENT = "sound signature; what the list says is the caller's to check"
LIFETIME = "sound signature; lifetimes and what was held are the caller's to check"
ANY = ".*"
EXPLAINED = [
    ("accepted", r"issuer -19$", "pycose", "differs", "does not know label -19 (RFC 9864)"),
    ("trust-list-bad|status-bad", r"^a (trust )?list under (ES256|label)", "cwt", "differs", "takes the algorithm from the key, does not read the label"),
    ("unknown-key", r"pinned to -19", ANY, "n.a.", "which label a key is pinned to is the caller's to check"),
    ("unknown-key|proof-bad", r"^label ", "cwt", "differs", "takes the algorithm from the key, does not read the label"),
    ("unknown-key", r"older than its key|outlives its key", ANY, "n.a.", LIFETIME),
    ("trust-list-bad|bad-signature|proof-bad", r"root of small order|R is neutral|^the neutral point", ANY, "differs", "OpenSSL takes keys and R of small order"),
    ("trust-list-bad", r"more than 64 KiB|four billion|without an end|a root among|unknown role|a key under ES256|short kid", ANY, "n.a.", CONTENT),
    ("trust-list-bad", r"key of (small order|order eight)|y not reduced|no point|P-256 key among|class that is none", ANY, "n.a.", CONTENT),
    ("trust-list-bad", r"unreadable list", ANY, "n.a.", CONTENT),
    ("trust-list-bad|status-bad", r"trailing byte|label in two bytes|long (number|tag)|filled unprotected", ANY, "n.a.", STRICT),
    ("trust-list-bad|status-bad", r"twice|bits before lst|in pieces|not sorted|without its tag|with a kid", ANY, "n.a.", STRICT),
    ("status-bad", r"older than (the one held|its key)|outlives its key|ends this second", ANY, "n.a.", LIFETIME),
    ("status-bad", r"another type|type is a number|does not name|names no status list|without ttl|one bit each", ANY, "n.a.", CONTENT),
    ("status-bad", r"not compressed|zlib's frame|cut off|checksum|after its stream|inflates", ANY, "n.a.", CONTENT),
]


def base45(text: str) -> bytes:
    data = bytearray()
    for at in range(0, len(text), 3):
        group = [BASE45.index(letter) for letter in text[at : at + 3]]
        value = sum(digit * 45**place for place, digit in enumerate(group))
        data += value.to_bytes(2 if len(group) == 3 else 1, "big")
    return bytes(data)


class Token:
    """The messages within a text, as far as they can be taken apart; what cannot be is None."""

    def __init__(self, text: str):
        self.card = self.proof = self.claims = self.key = None
        try:
            whole = base45(text.removeprefix("PC1:"))
            message = cbor2.loads(whole)
            inner = cbor2.loads(message.value[0]).get(HEADER_KCWT)
            self.card = whole if inner is None else cbor2.dumps(inner)
            self.proof = None if inner is None else whole
            self.claims = cbor2.loads((message if inner is None else inner).value[2])
            self.key = self.claims[CNF][1] if CNF in self.claims else None
        except Exception:
            # However a library of CBOR says that it cannot read this.
            pass


def part(message: bytes | None, index: int) -> dict:
    """A header or the claims of a message, or nothing."""
    try:
        found = cbor2.loads(cbor2.loads(message).value[index])
        return found if isinstance(found, dict) else {}
    except Exception:
        return {}


class Signatures:
    """Which of a vector's messages hold for one library. A message that is not there has no answer."""

    def __init__(self, vector: dict, holds):
        self.holds, self.errors = holds, []
        token = Token(vector["token"])
        trust = bytes.fromhex(vector["trustList"]) if vector["trustList"] else None
        roots = [({KTY: 1, CRV: 6, X: bytes.fromhex(root)}, None) for root in vector["roots"]]
        self.trust = self.any_holds(trust, roots)
        trusted = part(trust, 2).get(TRUST_KEYS, [])
        self.card = self.any_holds(token.card, self.keys_for("card", trusted, token.card))
        self.proof = self.any_holds(token.proof, [(token.key, None)]) if token.proof else None
        uri = self.place(token).get("uri")
        lists = [bytes.fromhex(one) for one in vector["statusLists"]]
        answers = [(part(one, 2).get(SUB), self.any_holds(one, self.keys_for("status", trusted, one))) for one in lists]
        self.own_list = next((answer for name, answer in answers if name == uri and answer), False)
        self.some_list_failed = any(not answer for _, answer in answers)
        self.statuses = [self.status(one, self.place(token)) for one in lists if part(one, 2).get(SUB) == uri]

    @staticmethod
    def keys_for(role: str, trusted: list, message: bytes | None) -> list:
        kid = part(message, 0).get(HEADER_KID)
        return [(key, own) for own, key, of, *_ in trusted if of == role and own == kid]

    @staticmethod
    def place(token: Token) -> dict:
        try:
            return {"uri": token.claims[STATUS]["status_list"]["uri"], "idx": token.claims[STATUS]["status_list"]["idx"]}
        except Exception:
            return {}

    @staticmethod
    def status(message: bytes, place: dict) -> int | None:
        try:
            packed = part(message, 2)[STATUS_LIST]
            return entry(zlib.decompress(packed["lst"]), place["idx"], packed["bits"])
        except Exception:
            return None

    def any_holds(self, message: bytes | None, keys: list) -> bool:
        for key, kid in keys if message else []:
            try:
                if self.holds(message, key, kid):
                    return True
                self.errors.append("signature refused")
            except Exception as cause:
                self.errors.append(f"{type(cause).__name__}: {cause}".split("\n")[0])
        return False


def entry(packed: bytes, index: int, bits: int) -> int | None:
    per_byte = 8 // bits
    if index // per_byte >= len(packed):
        return None
    return packed[index // per_byte] >> (index % per_byte * bits) & (1 << bits) - 1


BEFORE_ISSUER = {"trust-list-rollback", "trust-list-expired"}
BEFORE_PROOF = {"not-yet-valid", "expired", "proof-missing"}
BEFORE_STATUS = {"proof-stale", "proof-future", "challenge-missing", "challenge-wrong"}
WITHOUT_LIST = {"status-unknown"}


def implied(code: str, found: Signatures) -> list[tuple[bool, bool]]:
    """What the code says of each signature that was checked on the way to it, beside what the library says."""
    trust, card = (True, found.trust), (True, found.card)
    proof = [] if found.proof is None else [(True, found.proof)]
    if code == "trust-list-bad":
        return [(False, found.trust)]
    if code in BEFORE_ISSUER:
        return [trust]
    if code in ("unknown-key", "bad-signature"):
        return [trust, (False, found.card)]
    if code in BEFORE_PROOF:
        return [trust, card]
    if code == "proof-bad":
        return [trust, card, (False, bool(found.proof))]
    if code in BEFORE_STATUS:
        return [trust, card, *proof]
    if code == "status-bad":
        return [trust, card, *proof, (True, found.some_list_failed)]
    if code in WITHOUT_LIST:
        return [trust, card, *proof]
    return [trust, card, *proof, (True, found.own_list)]


def judged(vector: dict, library: str) -> tuple[str, str]:
    code = vector["expect"]["code"]
    if code == "not-a-card":
        return "n.a.", "the text is not the library's"
    found = Signatures(vector, LIBRARIES[library])
    if code == "malformed":
        sound = found.card and found.proof is not False
        return ("n.a.", STRICT) if sound else ("agrees", "refuses it too")
    wrong = [(meant, said) for meant, said in implied(code, found) if meant != said]
    if wrong:
        for codes, names, libraries, what, why in EXPLAINED:
            if re.fullmatch(codes, code) and re.search(names, vector["name"]) and re.fullmatch(libraries, library):
                return what, why
        return "unexplained", f"{wrong} {'; '.join(found.errors)}"
    if code in ("accepted", "revoked", "suspended") and code not in [MEANING.get(one) for one in found.statuses]:
        return "unexplained", f"the place says {found.statuses}"
    return "agrees", ""


def draft_agrees(vector: dict) -> bool:
    packed = zlib.decompress(bytes.fromhex(vector["lst"]))
    marked = dict(vector["marked"])
    entries = range(vector["entries"])
    return all(entry(packed, index, vector["bits"]) == marked.get(index, 0) for index in entries)


def main() -> None:
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            vectors = json.load(file)
        for vector in vectors:
            if "lst" in vector:
                answers = {"zlib": ("agrees" if draft_agrees(vector) else "unexplained", "")}
            else:
                answers = {library: judged(vector, library) for library in LIBRARIES}
            for library, (what, why) in answers.items():
                print(json.dumps({"name": vector["name"], "library": library, "what": what, "why": why}))


main()
