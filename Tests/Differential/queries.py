"""The SEARCH, SORT and THREAD commands of the differential test, as `(kind of the response, words of the command)`."""

SEARCHES = [
    "ALL", "SEEN", "UNSEEN", "ANSWERED", "FLAGGED", "DELETED", "DRAFT", "KEYWORD k1", "UNKEYWORD k1", "OLD", "RECENT", "NEW",
    "1:10", "UID 1:10", "NOT 1:100", "OR 1:5 10:12", "*", "5,7,9:12", "NOT UID 3:*",
    "LARGER 1000", "SMALLER 1000", "LARGER 0", "SMALLER 1", "LARGER 300 SMALLER 400",
    "BEFORE 5-Jan-2026", "ON 5-Feb-2026", "SINCE 20-Mar-2026", "SENTBEFORE 4-Mar-2026", "SENTON 3-Mar-2026", "SENTSINCE 4-Mar-2026",
    "SENTON 4-Mar-2026", "SENTBEFORE 1-Jan-1997", "SENTSINCE 1-Jan-2090", "NOT SENTSINCE 1-Jan-1970",
    "FROM alice", "FROM \"Alice Example\"", "FROM x.org", "FROM \"<a@x.org>\"", "FROM \"\"", "FROM jos\u00e9", "TO bob", "TO \"b c\"", "CC minutes",
    "BCC \"\"", "BCC x", "SUBJECT thread", "SUBJECT \"\"", "SUBJECT gr\u00fc\u00dfe", "SUBJECT GR\u00dcSSE", "SUBJECT \"one two\"", "SUBJECT \"wide inside\"",
    "SUBJECT \"one  two\"", "SUBJECT \"CR\"", "HEADER Message-ID \"<r@t>\"", "HEADER X-0 \"\"", "HEADER X-NoSuch \"\"", "HEADER Content-Type multipart",
    "HEADER References \"<2@x> <3@x>\"", "HEADER Content-Type \"\"", "HEADER MIME-Version 1.0", "HEADER Subject \"=?utf-8\"", "HEADER In-Reply-To monday",
    "HEADER From Comment", "HEADER To \"Friends: a\"", "HEADER Content-Description gr\u00fc\u00dfe",
    "BODY needle", "BODY needle-one", "BODY NEEDLE-TWO", "BODY \"split word\"", "BODY gr\u00fc\u00dfe", "BODY needle-base64", "BODY needle-binary",
    "BODY needle-html", "BODY bold", "BODY \"<p>\"", "BODY preamble", "BODY epilogue", "BODY \"inner body\"", "BODY signature", "BODY \"\"",
    "BODY \"one two\"", "BODY \"body of it\"", "BODY caf\u00e9", "BODY \u20ac", "BODY \"soft bad\"", "BODY \"number one\"",
    "TEXT needle", "TEXT alice", "TEXT \"Subject: inner\"", "TEXT original", "TEXT gr\u00fc\u00dfe", "TEXT boundary", "TEXT \"\"", "TEXT needle-base64",
    "TEXT \"Subject: \"", "TEXT \"inner\"", "BODY \"Subject: inner\"", "BODY inner", "BODY \"charset\"", "TEXT charset",
    "OR FROM alice SUBJECT thread", "NOT FROM alice NOT SUBJECT thread", "(FROM a SUBJECT one) LARGER 100", "OR (BODY one BODY two) (NOT TEXT x)",
    "SEEN FLAGGED", "OR SEEN (ANSWERED NOT DELETED)", "NOT (SEEN FLAGGED)", "MODSEQ 1",
]

SORT_KEYS = ["ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "REVERSE DATE", "REVERSE SUBJECT", "REVERSE SIZE", "SUBJECT DATE",
             "FROM REVERSE DATE", "SUBJECT REVERSE ARRIVAL", "DISPLAYFROM", "DISPLAYTO", "REVERSE ARRIVAL CC"]

THREADS = ["REFERENCES", "REFS", "ORDEREDSUBJECT"]


def words(text):
    """Splits a search so that what is beyond ASCII goes as a literal."""
    if text.isascii():
        return [text]
    out = []
    for word in text.split(" "):
        if word.isascii():
            if out and isinstance(out[-1], str):
                out[-1] += " " + word
            else:
                out.append(word)
        else:
            out.append(word.encode())
    return out


def all_queries(count):
    """`count` is how many messages there are."""
    for search in SEARCHES:
        yield "SEARCH", ["SEARCH" if search.isascii() else "SEARCH CHARSET UTF-8"] + words(search)
    for keys in SORT_KEYS:
        yield "SORT", [f"SORT ({keys}) UTF-8 ALL"]
        yield "SORT", [f"SORT ({keys}) UTF-8 SUBJECT thread"]
    for algorithm in THREADS:
        yield "THREAD", [f"THREAD {algorithm} UTF-8 FROM @t"]
        yield "THREAD", [f"THREAD {algorithm} UTF-8 SUBJECT thread"]
