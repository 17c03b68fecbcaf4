"""The test corpus: messages made by hand, hostile ones included, each for one question. Line ends are written as LF
and become CRLF, except in the messages that are about line ends."""

import random

HEAD = """From: Alice Example <alice@example.org>
To: bob@example.net
Subject: {name}
Date: Tue, 3 Mar 2026 10:20:30 +0100
Message-ID: <{name}@example.org>
"""

# Complete headers, without body.
HEADERS = {
    "rfc-example": """Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
From: Terry Gray <gray@cac.washington.edu>
Subject: IMAP4rev2 WG mtg summary and minutes
To: imap@cac.washington.edu
cc: minutes@CNRI.Reston.VA.US,
   John Klensin <KLENSIN@MIT.EDU>
Message-Id: <B27397-0100000@cac.washington.edu>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
""",
    "none": "",
    "only-subject": "Subject: alone\n",
    "empty-fields": "From:\nTo: \nSubject:\nDate:\nMessage-ID:\nIn-Reply-To:\nSender:\nReply-To:\nCc:\nBcc:\n",
    "group": "From: a@x.org\nTo: Friends: a@x.org, \"B B\" <b@x.org>;\nCc: Undisclosed recipients:;\nSubject: group\n",
    "group-unclosed": "From: a@x.org\nTo: Friends: a@x.org, b@x.org\nSubject: open group\n",
    "group-in-list": "From: a@x.org\nTo: c@x.org, Team: d@x.org;, e@x.org\nSubject: mixed\n",
    "group-empty-name": "From: a@x.org\nTo: : d@x.org;\nSubject: nameless group\n",
    "group-nested": "From: a@x.org\nTo: A: B: d@x.org;;\nSubject: nested group\n",
    "route": "From: <@relay.example,@other.example:a@x.org>\nTo: Name <@r:b@x.org>\nSubject: route\n",
    "comment-name": "From: a@x.org (Alice Comment)\nTo: b@x.org (Bob (nested) Comment)\nSubject: comments\n",
    "comment-inside": "From: Al (x) ice <a(c)@(d)x.org>\nTo: (lead) b@x.org\nSubject: inner comments\n",
    "quoted-name": "From: \"A \\\"quoted\\\" \\\\ name\" <a@x.org>\nTo: \"b c\"@x.org\nSubject: \"in quotes\"\n",
    "quoted-local": "From: \"a@b\" <\"a b\"@x.org>\nTo: \"a.b\"@x.org\nSubject: local parts\n",
    "dots": "From: J. R. Doe <j.r.doe@x.org>\nTo: a..b@x.org, .c@x.org, d.@x.org\nSubject: dots\n",
    "domain-literal": "From: a@[127.0.0.1]\nTo: <b@[IPv6:::1]>\nSubject: literals\n",
    "no-domain": "From: root\nTo: <mailer-daemon>, Bob <bob>\nSubject: no domain\n",
    "no-local": "From: @x.org\nTo: <@x.org>\nSubject: no local part\n",
    "empty-angle": "From: <>\nTo: Nobody <>\nSubject: empty angles\n",
    "two-at": "From: a@b@x.org\nTo: <c@d@x.org>\nSubject: two ats\n",
    "name-with-at": "From: a@x.org <a@x.org>\nTo: b@x.org <c@x.org>\nSubject: address as name\n",
    "unclosed-angle": "From: Alice <a@x.org\nTo: Bob <b@x.org, c@x.org\nSubject: angles\n",
    "unclosed-quote": "From: \"Alice <a@x.org>\nTo: \"Bob\" <b@x.org>\nSubject: quote\n",
    "unclosed-comment": "From: a@x.org (Alice\nTo: b@x.org\nSubject: comment\n",
    "stray": "From: ,, a@x.org ,,\nTo: ;b@x.org;\nCc: >c@x.org<\nSubject: stray separators\n",
    "trailing-comma": "From: a@x.org,\nTo: b@x.org, c@x.org,\nSubject: trailing\n",
    "spaces-in-address": "From: a @ x . org\nTo: < b @ x . org >\nSubject: spaces\n",
    "semicolon-list": "From: a@x.org\nTo: b@x.org; c@x.org\nSubject: semicolons\n",
    "text-after-angle": "From: <a@x.org> Alice\nTo: Bob <b@x.org> (c) more, d@x.org\nSubject: after angle\n",
    "backslash": "From: a\\b@x.org\nTo: \"a\\\" <b@x.org>\nSubject: back\\slash \\\"\n",
    "8-bit": "From: Jos\u00e9 <a@x.org>\nTo: \u65e5\u672c <b@x.org>\nSubject: gr\u00fc\u00dfe\n",
    "latin1": "From: Jos\xe9 <a@x.org>\nTo: b@x.org\nSubject: gr\xfc\xdfe\n",
    "encoded-words": "From: =?utf-8?q?Jos=C3=A9?= <a@x.org>\nTo: =?utf-8?b?5pel5pys?= <b@x.org>\n"
                     "Subject: =?iso-8859-1?q?gr=FC=DFe?= =?utf-8?q?_and_more?=\n",
    "encoded-word-broken": "From: =?utf-8?q?Jos=C3?= <a@x.org>\nTo: =?x?y?z?= <b@x.org>\nSubject: =?utf-8?b?!!!?= =?utf-8?q?=ZZ\n",
    "folded": "From: Alice\n <a@x.org>\nTo: b@x.org,\n\tc@x.org,\n   d@x.org\nSubject: one\n two\n\tthree\n  four\n"
              "References: <1@x>\n <2@x>\n\t<3@x>\nIn-Reply-To: <1@x>\n\t<2@x>\n",
    "folded-blank": "From: a@x.org\nTo: b@x.org\nSubject: one\n \n two\nX: y\n",
    "fold-first": " folded: nothing\nFrom: a@x.org\nSubject: first line is a continuation\n",
    "duplicates": "From: a@x.org\nFrom: b@x.org\nTo: c@x.org\nTo: d@x.org\nSubject: one\nSubject: two\n"
                  "Date: Tue, 3 Mar 2026 10:20:30 +0100\nDate: Wed, 4 Mar 2026 10:20:30 +0100\n"
                  "Message-ID: <1@x>\nMessage-ID: <2@x>\nIn-Reply-To: <3@x>\nIn-Reply-To: <4@x>\n",
    "duplicate-empty": "From:\nFrom: b@x.org\nSender:\nSender: s@x.org\nReply-To: r@x.org\nReply-To:\nSubject:\nSubject: two\n",
    "sender-reply-to": "From: a@x.org\nSender: s@x.org\nReply-To: r@x.org, q@x.org\nTo: b@x.org\nSubject: three\n",
    "case": "FROM: a@x.org\nto: b@x.org\nsUBJECT: case\nMESSAGE-id: <1@x>\ndate: Tue, 3 Mar 2026 10:20:30 +0100\n",
    "space-before-colon": "From : a@x.org\nTo\t: b@x.org\nSubject : spaced colon\n",
    "no-space": "From:a@x.org\nTo:b@x.org\nSubject:tight\n",
    "much-space": "From:   \t a@x.org  \nSubject: \t  wide   inside \t x  \n",
    "no-colon": "From: a@x.org\nthis line has no colon\nSubject: after junk\n",
    "colon-first": ": nothing\nFrom: a@x.org\nSubject: colon first\n",
    "mbox-from": "From alice@example.org Tue Mar  3 10:20:30 2026\nFrom: a@x.org\nSubject: mbox line\n",
    "control-chars": "From: a\x01b@x.org\nTo: b@x.org\nSubject: bell \x07 esc \x1b del \x7f\n",
    "long-subject": "From: a@x.org\nSubject: " + "very long " * 800 + "\n",
    "long-field-name": "From: a@x.org\n" + "X" * 2000 + ": value\nSubject: long name\n",
    "many-recipients": "From: a@x.org\nTo: " + ",\n ".join(f"u{n}@x.org" for n in range(300)) + "\nSubject: many\n",
    "many-fields": "From: a@x.org\n" + "".join(f"X-{n}: {n}\n" for n in range(400)) + "Subject: many fields\n",
    "message-id-odd": "From: a@x.org\nMessage-ID: no brackets\nIn-Reply-To: your message of Monday <1@x> and <2@x>\nSubject: ids\n",
    "message-id-comment": "From: a@x.org\nMessage-ID: <a@b> (comment)\nIn-Reply-To: (c) <1@x>\nSubject: ids\n",
    "date-odd": "From: a@x.org\nDate: yesterday, around noon\nSubject: date\n",
    "date-obsolete": "From: a@x.org\nDate: Tue, 3 Mar 99 10:20 EST (comment)\nSubject: old date\n",
    "date-no-zone": "From: a@x.org\nDate: 3 Mar 2026 10:20:30\nSubject: no zone\n",
    "date-folded": "From: a@x.org\nDate: Tue,\n 3 Mar 2026\n 10:20:30 -0000\nSubject: folded date\n",
    "date-invalid": "From: a@x.org\nDate: Tue, 31 Feb 2026 25:61:61 +9999\nSubject: impossible date\n",
    "date-far": "From: a@x.org\nDate: Fri, 1 Jan 2100 00:00:00 +0000\nSubject: far date\n",
    "date-zone-edge": "From: a@x.org\nDate: Wed, 4 Mar 2026 00:30:00 +0200\nSubject: zone edge\n",
    "date-first": "Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)\nFrom: Fred Foobar <foobar@Blurdybloop.example>\nSubject: afternoon meeting\nTo: mooch@owatagu.siam.edu.example\n",
    "equals-encoded": "From: \"=?utf-8?q?a?=\" <a@x.org>\nTo: (=?utf-8?q?c?=) b@x.org\nSubject: =?utf-8?q?a?==?utf-8?q?b?=\n",
    "angle-dots": "From: <d.@x.org>\nTo: <.c@x.org>, <a..b@x.org>, <a@x..org>\nSubject: dots in angles\n",
    "angle-words": "From: <a b@x.org>\nTo: <Undisclosed Recipients>, <\"a\" \"b\"@x.org>\nSubject: words in angles\n",
    "angle-nested": "From: <<a@x.org>>\nTo: A <B <b@x.org>>, c@x.org\nSubject: angles in angles\n",
    "angle-junk": "From: <a@x.org junk>\nTo: <a@>, <a@ >\nSubject: junk in angles\n",
    "route-broken": "From: <@r a@x.org>\nTo: <@r,@s>, <@r,@s:>\nSubject: broken routes\n",
    "bare-then-text": "From: a@x.org Alice\nTo: Bob b@x.org\nSubject: text behind\n",
    "phrase-only": "From: Alice Example\nTo: \"Bob\"\nCc: Bob\nSubject: names alone\n",
    "group-colon-address": "From: a@x.org: b\nTo: G: a@x.org: b;\nSubject: colon behind an address\n",
    "comment-only": "From: (nobody)\nTo: (a) (b)\nCc: ()\nSubject: comments alone\n",
    "angle-only": "From: <a@x.org>\nTo: <b@x.org>,<c@x.org>\nSubject: no names\n",
    "percent-bang": "From: a%b!c@x.org\nTo: host!user, user%host@x.org\nSubject: old routes\n",
    "tabs-in-name": "From: Alice\tTab   Space <a@x.org>\nTo: \"B\tC\" <b@x.org>\nSubject: tab\there\n",
}

# Content fields and the body.
BODIES = {
    "plain": ("", "one\ntwo\nthree\n"),
    "empty": ("", ""),
    "no-final-newline": ("", "one\ntwo"),
    "only-newlines": ("", "\n\n\n"),
    "plain-mime": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n", "gr\u00fc\u00dfe\n"),
    "html": ("MIME-Version: 1.0\nContent-Type: text/html; charset=\"utf-8\"\n", "<p>x</p>\n"),
    "no-mime-version": ("Content-Type: text/html\n", "<p>x</p>\n"),
    "all-fields": (
        "MIME-Version: 1.0\nContent-Type: application/pdf; name=\"a b.pdf\"; x=y\nContent-Transfer-Encoding: BASE64\n"
        "Content-ID: <id@x>\nContent-Description: a description\nContent-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
        "Content-Disposition: attachment; filename=\"a b.pdf\"; size=12\nContent-Language: en, de\n"
        "Content-Location: http://x/y\n", "YWJj\n"),
    "type-no-subtype": ("MIME-Version: 1.0\nContent-Type: text\n", "x\n"),
    "type-only-slash": ("MIME-Version: 1.0\nContent-Type: /\n", "x\n"),
    "type-empty": ("MIME-Version: 1.0\nContent-Type:\n", "x\n"),
    "type-junk": ("MIME-Version: 1.0\nContent-Type: ;;;charset=utf-8\n", "x\n"),
    "type-8-bit": ("MIME-Version: 1.0\nContent-Type: t\u00e9xt/pl\u00e4in; charset=x\n", "x\n"),
    "type-comment": ("MIME-Version: 1.0\nContent-Type: text (c) / (d) html (e); (f) charset (g) = (h) utf-8 (i)\n", "x\n"),
    "type-spaces": ("MIME-Version: 1.0\nContent-Type:   text / plain ;  charset = utf-8  \n", "x\n"),
    "type-twice": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=a\nContent-Type: text/html; charset=b\n", "x\n"),
    "type-twice-bare": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Type: text/html; charset=b\n", "x\n"),
    "type-extra-slash": ("MIME-Version: 1.0\nContent-Type: text/plain/x; charset=a\n", "x\n"),
    "type-unknown": ("MIME-Version: 1.0\nContent-Type: x-foo/x-bar; a=b\n", "x\n"),
    "type-case": ("mime-version: 1.0\nCONTENT-TYPE: TeXt/PlAiN; ChArSeT=UtF-8\nCONTENT-TRANSFER-ENCODING: QuOtEd-PrInTaBlE\n", "x=3D\n"),
    "param-no-value": ("MIME-Version: 1.0\nContent-Type: text/plain; charset; a=b\n", "x\n"),
    "param-empty": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=; a=\"\"\n", "x\n"),
    "param-twice": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=a; charset=b\n", "x\n"),
    "param-unquoted-space": ("MIME-Version: 1.0\nContent-Type: text/plain; name=a b c.txt; x=y\n", "x\n"),
    "param-specials": ("MIME-Version: 1.0\nContent-Type: text/plain; name=a/b?c=d; x=[y]\n", "x\n"),
    "param-unclosed": ("MIME-Version: 1.0\nContent-Type: text/plain; name=\"abc; x=y\n", "x\n"),
    "param-escapes": ("MIME-Version: 1.0\nContent-Type: text/plain; name=\"a\\\"b\\\\c\\d\"\n", "x\n"),
    "param-semicolons": ("MIME-Version: 1.0\nContent-Type: text/plain;; charset=utf-8;\n", "x\n"),
    "param-no-semicolon": ("MIME-Version: 1.0\nContent-Type: text/plain charset=utf-8\n", "x\n"),
    "param-folded": ("MIME-Version: 1.0\nContent-Type: text/plain;\n\tcharset=utf-8;\n name=\"a\n b\"\n", "x\n"),
    "param-8-bit": ("MIME-Version: 1.0\nContent-Type: text/plain; name=\"gr\u00fc\u00dfe.txt\"\n", "x\n"),
    "param-encoded-word": ("MIME-Version: 1.0\nContent-Type: text/plain; name=\"=?utf-8?q?gr=C3=BC?=\"\n", "x\n"),
    "param-rfc2231": ("MIME-Version: 1.0\nContent-Type: text/plain; name*=utf-8'en'gr%C3%BC.txt\n", "x\n"),
    "param-rfc2231-parts": (
        "MIME-Version: 1.0\nContent-Type: text/plain; name*0=\"a \"; name*1=\"b \"; name*2=c\n"
        "Content-Disposition: attachment; filename*0*=utf-8''a%20; filename*1*=b%20; filename*2=\"c\"\n", "x\n"),
    "param-rfc2231-gap": ("MIME-Version: 1.0\nContent-Type: text/plain; name*0=a; name*2=c; name*1=b\n", "x\n"),
    "param-rfc2231-mixed": ("MIME-Version: 1.0\nContent-Type: text/plain; name=plain; name*=utf-8''star\n", "x\n"),
    "param-long": ("MIME-Version: 1.0\nContent-Type: text/plain; name=\"" + "n" * 3000 + "\"\n", "x\n"),
    "param-many": ("MIME-Version: 1.0\nContent-Type: text/plain" + "".join(f"; p{n}=v{n}" for n in range(200)) + "\n", "x\n"),
    "encoding-unknown": ("MIME-Version: 1.0\nContent-Transfer-Encoding: x-rot13\n", "x\n"),
    "encoding-empty": ("MIME-Version: 1.0\nContent-Transfer-Encoding:\n", "x\n"),
    "encoding-comment": ("MIME-Version: 1.0\nContent-Transfer-Encoding: (c) base64 (d)\n", "eA==\n"),
    "encoding-extra": ("MIME-Version: 1.0\nContent-Transfer-Encoding: base64; x=y\n", "eA==\n"),
    "encoding-quoted": ("MIME-Version: 1.0\nContent-Transfer-Encoding: \"base64\"\n", "eA==\n"),
    "encoding-two-words": ("MIME-Version: 1.0\nContent-Transfer-Encoding: quoted printable\n", "x\n"),
    "encoding-8-bit": ("MIME-Version: 1.0\nContent-Transfer-Encoding: \u00e9\n", "x\n"),
    "encoding-twice": ("MIME-Version: 1.0\nContent-Transfer-Encoding: base64\nContent-Transfer-Encoding: 8bit\n", "x\n"),
    "disposition-only": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: inline\n", "x\n"),
    "disposition-empty": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition:\n", "x\n"),
    "disposition-junk": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: ; filename=x\n", "x\n"),
    "disposition-quoted": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: \"attachment\"; filename=x\n", "x\n"),
    "disposition-slash": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: a/b; filename=x\n", "x\n"),
    "disposition-8-bit": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: attachment; filename=gr\u00fc\u00dfe.txt\n", "x\n"),
    "disposition-case": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: ATTACHMENT; FILENAME=X.txt\n", "x\n"),
    "disposition-twice": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Disposition: inline\nContent-Disposition: attachment\n", "x\n"),
    "disposition-twice-file": ("MIME-Version: 1.0\nContent-Disposition: attachment; filename=f\nContent-Disposition: inline\n", "x\n"),
    "language-one": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Language: en\n", "x\n"),
    "language-many": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Language: en (c), de ,, fr\n", "x\n"),
    "language-empty": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Language:\n", "x\n"),
    "language-junk": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Language: ,;\u00e9, \"en\"\n", "x\n"),
    "location-folded": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Location: http://x/\n y z\n", "x\n"),
    "location-empty": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Location:\n", "x\n"),
    "id-odd": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-ID: no brackets (c)\n", "x\n"),
    "id-folded": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-ID:\n <a@b>\n", "x\n"),
    "id-empty": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-ID:\nContent-Description:\nContent-MD5:\n", "x\n"),
    "description-8-bit": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Description: gr\u00fc\u00dfe  two   spaces\n", "x\n"),
    "description-folded": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Description: one\n two\n", "x\n"),
    "md5-folded": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-MD5: (c) abc\n def\n", "x\n"),
    "fields-twice": ("MIME-Version: 1.0\nContent-Type: image/png\nContent-ID: <1@x>\nContent-ID: <2@x>\nContent-Description: a\n"
                     "Content-Description: b\nContent-MD5: a\nContent-MD5: b\nContent-Language: en\nContent-Language: de\n"
                     "Content-Location: a\nContent-Location: b\n", "x\n"),
    "description-spaces": ("MIME-Version: 1.0\nContent-Type: text/plain\nContent-Description:   two  spaces\t and  a tab  \n", "x\n"),
    "encoding-semicolon": ("MIME-Version: 1.0\nContent-Transfer-Encoding: quoted-printable;\n", "x=3D\n"),
    "message-global-base64": ("MIME-Version: 1.0\nContent-Type: message/global\nContent-Transfer-Encoding: base64\n", "U3ViamVjdDogeAoKYm9keQo=\n"),
    "mixed": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
              "preamble\n--b\n\none\n--b\nContent-Type: text/html\n\n<p>\n\n--b--\nepilogue\n"),
    "mixed-no-preamble": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b--\n"),
    "mixed-leading-newline": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "\n--b\n\none\n--b--\n"),
    "mixed-empty-parts": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n--b\n\n--b\n\n\n--b--\n"),
    "mixed-no-parts": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "nothing here\n"),
    "mixed-no-body": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", ""),
    "mixed-only-close": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b--\n"),
    "mixed-open": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b\n\ntwo\n"),
    "mixed-open-no-newline": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b\n\ntwo"),
    "mixed-open-header": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\nContent-Type: text/html\n"),
    "mixed-ends-at-boundary": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b"),
    "mixed-after-close": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b--\n--b\n\ntwo\n--b--\n"),
    "mixed-close-no-newline": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b--"),
    "mixed-no-boundary": ("MIME-Version: 1.0\nContent-Type: multipart/mixed\n", "--b\n\none\n--b--\n"),
    "mixed-empty-boundary": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"\"\n", "--\n\none\n----\n"),
    "mixed-space-boundary": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"a b\"\n", "--a b\n\none\n--a b--\n"),
    "mixed-trailing-space": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b  \t\n\none\n--b-- \n"),
    "mixed-longer-line": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--bcd\n\ntwo\n--b--\n"),
    "mixed-prefix-boundaries": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        "--b\nContent-Type: multipart/alternative; boundary=bb\n\n--bb\n\none\n--bb--\n--b\n\ntwo\n--b--\n"),
    "mixed-same-boundaries": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        "--b\nContent-Type: multipart/alternative; boundary=b\n\n--b\n\none\n--b--\n--b\n\ntwo\n--b--\n"),
    "mixed-close-then-dash": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n", "--b\n\none\n--b-\n\ntwo\n--b--x\nmore\n"),
    "mixed-long-boundary": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"" + "B" * 200 + "\"\n",
                            "--" + "B" * 200 + "\n\none\n--" + "B" * 200 + "--\n"),
    "mixed-boundary-in-header": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
                                 "--b\nContent-Type: text/html\n--b\n\ntwo\n--b--\n"),
    "mixed-base64": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n",
                     "--b\n\none\n--b--\n"),
    "mixed-boundary-rfc2231": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary*0=b; boundary*1=c\n", "--bc\n\none\n--bc--\n"),
    "mixed-boundary-quoted-end": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b c \"\n", "--b c\n\none\n--b c--\n"),
    "mixed-disposition": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\nContent-Disposition: inline\n"
                          "Content-Language: en\nContent-Location: loc\n", "--b\n\none\n--b--\n"),
    "mixed-no-subtype": ("MIME-Version: 1.0\nContent-Type: multipart; boundary=b\n", "--b\n\none\n--b--\n"),
    "multipart-slash-only": ("MIME-Version: 1.0\nContent-Type: multipart/; boundary=b\n", "--b\n\none\n--b--\n"),
    "nested-unclosed": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=outer\n",
        "--outer\nContent-Type: multipart/alternative; boundary=inner\n\n--inner\n\none\n--outer\n\ntwo\n--outer--\n"),
    "nested-three": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n",
        "--x\nContent-Type: multipart/related; boundary=y\n\n--y\nContent-Type: multipart/alternative; boundary=z\n\n"
        "--z\n\nplain\n--z\nContent-Type: text/html\n\n<b>\n--z--\n--y\nContent-Type: image/png\n"
        "Content-Transfer-Encoding: base64\nContent-ID: <i@x>\n\niVBORw0K\n--y--\n--x\nContent-Type: text/plain; name=t\n\nend\n--x--\n"),
    "digest": ("MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n",
               "--b\n\nFrom: a@x.org\nSubject: first\n\none\n--b\nContent-Type: text/plain\n\nplain\n--b\n\nSubject: no body\n--b--\n"),
    "digest-empty-part": ("MIME-Version: 1.0\nContent-Type: multipart/digest; boundary=b\n", "--b\n--b\n\n--b--\n"),
    "rfc822": ("MIME-Version: 1.0\nContent-Type: message/rfc822\n",
               "From: in@x.org\nTo: b@x.org\nSubject: inner\nMessage-ID: <in@x>\n\ninner body\nmore\n"),
    "rfc822-empty": ("MIME-Version: 1.0\nContent-Type: message/rfc822\n", ""),
    "rfc822-header-only": ("MIME-Version: 1.0\nContent-Type: message/rfc822\n", "Subject: inner\n"),
    "rfc822-no-header": ("MIME-Version: 1.0\nContent-Type: message/rfc822\n", "\njust a body\n"),
    "rfc822-multipart": (
        "MIME-Version: 1.0\nContent-Type: message/rfc822\n",
        "Subject: inner\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=q\n\n--q\n\none\n--q\nContent-Type: text/html\n\n<i>\n--q--\n"),
    "rfc822-base64": ("MIME-Version: 1.0\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n",
                      "RnJvbTogYUB4Lm9yZwpTdWJqZWN0OiBpbm5lcgoKYm9keQo=\n"),
    "rfc822-in-multipart": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        "--b\n\nintro\n--b\nContent-Type: message/rfc822; name=x.eml\nContent-Disposition: attachment\n\n"
        "From: in@x.org\nSubject: inner\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=c\n\n"
        "--c\n\none\n--c\nContent-Type: text/html\n\n<p>\n--c--\n\n--b--\n"),
    "rfc822-cut-by-boundary": (
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
        "--b\nContent-Type: message/rfc822\n\nSubject: cut\n--b\nContent-Type: message/rfc822\n\n--b--\n"),
    "rfc822-twice": ("MIME-Version: 1.0\nContent-Type: message/rfc822\n",
                     "Subject: two\nContent-Type: message/rfc822\n\nSubject: three\n\nbody\n"),
    "message-global": ("MIME-Version: 1.0\nContent-Type: message/global\n", "Subject: gr\u00fc\u00dfe\n\nbody\n"),
    "message-partial": ("MIME-Version: 1.0\nContent-Type: message/partial; id=x; number=1; total=2\n", "Subject: p\n\nbody\n"),
    "delivery-status": (
        "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n",
        "--b\n\nfailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nAction: failed\n--b\n"
        "Content-Type: text/rfc822-headers\n\nSubject: original\n\n--b--\n"),
    "deep": None, "deep-rfc822": None, "wide": None, "qp": None, "base64": None, "big": None,
    "boundary-lookalikes": ("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
                            "--b\n\n-- \nsignature\n--a\n --b\n>--b\nx--b\n--B\n--b--\n"),
    "qp-odd": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
               "caf=C3=A9 =\nsoft =ZZ bad= \t\n=3d=E2=82=AC=\n"),
    "search-words": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n",
                     "gr=FC=DFe needle-one\nspl=\nit word and NeEdLe-two\n"),
    "search-base64": ("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n",
                      "bmVlZGxlLWJhc2U2NCB0ZXh0IGdyw7zDn2UK\n"),
    "search-html": ("MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n", "<p>needle&#45;html <b>bo</b>ld</p>\n"),
    "search-binary": ("MIME-Version: 1.0\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n",
                      "bmVlZGxlLWJpbmFyeQo=\n"),
}


def generated_body(name):
    mime = "MIME-Version: 1.0\n"
    if name == "deep":
        out = "body\n"
        for level in range(30):
            out = f"--d{level}\n" + (f"Content-Type: multipart/mixed; boundary=d{level - 1}\n" if level else "") + f"\n{out}\n--d{level}--\n"
        return mime + "Content-Type: multipart/mixed; boundary=d29\n", out
    if name == "deep-rfc822":
        return mime + "Content-Type: message/rfc822\n", "Subject: m\nContent-Type: message/rfc822\n\n" * 20 + "Subject: last\n\nend\n"
    if name == "wide":
        return (mime + "Content-Type: multipart/mixed; boundary=b\n",
                "".join(f"--b\nContent-Type: text/plain; name=p{n}\n\npart {n}\n" for n in range(120)) + "--b--\n")
    if name == "qp":
        return (mime + "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n",
                "line =C3=A9 with soft=\nbreak and =3D sign\n" * 50)
    if name == "base64":
        return (mime + "Content-Type: application/octet-stream; name=x.bin\nContent-Transfer-Encoding: base64\n",
                "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3\n" * 200)
    return "", "a line of a big message, number one\n" * 20000  # big


# Octet for octet: nothing is converted.
RAW = {
    "bare-lf": b"From: a@x.org\nSubject: bare LF\n\none\ntwo\n",
    "bare-lf-mixed": b"From: a@x.org\r\nSubject: mixed ends\n\r\none\r\ntwo\nthree\r\n",
    "bare-lf-multipart": b"From: a@x.org\nSubject: LF parts\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
                         b"--b\n\none\n--b\r\nContent-Type: text/html\r\n\r\n<p>\r\n--b--\n",
    "bare-cr": b"From: a@x.org\r\nSubject: bare CR\r\n\r\none\rtwo\r\nthree\r\r\nfour\r",
    "bare-cr-header": b"From: a@x.org\r\nSubject: CR\rin header\r\nX: y\r\r\n\r\nbody\r\n",
    "cr-cr-lf": b"From: a@x.org\r\r\nSubject: CRCRLF\r\r\n\r\r\nbody\r\r\n",
    "cr-before-boundary": b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\r\n--b--\r\n",
    "nothing-but-crlf": b"\r\n",
    "one-octet": b"x",
    "header-no-blank": b"From: a@x.org\r\nSubject: header only\r\n",
    "header-no-newline": b"From: a@x.org\r\nSubject: header without end",
    "ends-in-fold": b"From: a@x.org\r\nSubject: x\r\n ",
    "binary-body": b"From: a@x.org\r\nSubject: octets\r\n\r\n" + bytes(range(1, 256)) + b"\r\n",
    "utf16-ish": b"From: a@x.org\r\nSubject: bom\r\n\r\n\xff\xfeh\x01e\x01\r\n",
    "long-line": b"From: a@x.org\r\nSubject: long line\r\n\r\n" + b"x" * 70000 + b"\r\n",
    "blank-then-header": b"\r\nFrom: a@x.org\r\nSubject: after blank\r\n\r\nbody\r\n",
    "space-line": b"From: a@x.org\r\n \r\nSubject: after space line\r\n\r\nbody\r\n",
    "leading-space-blank": b"From: a@x.org\r\nSubject: x\r\n\t\r\n\r\nbody\r\n",
}

THREADS = [
    # name, id, references, in-reply-to, subject, minute of the day
    ("root", "<r@t>", "", "", "thread one", 1), ("reply", "<r1@t>", "<r@t>", "<r@t>", "Re: thread one", 2),
    ("reply-late", "<r2@t>", "<r@t> <r1@t>", "", "RE: thread one (fwd)", 5), ("orphan", "<o1@t>", "<gone@t>", "", "Re: lost", 3),
    ("orphan-2", "<o2@t>", "<gone@t>", "", "lost", 4), ("loop-a", "<la@t>", "<lb@t>", "", "loop", 6),
    ("loop-b", "<lb@t>", "<la@t>", "", "loop", 7), ("self", "<s@t>", "<s@t>", "<s@t>", "self", 8),
    ("duplicate-1", "<d@t>", "", "", "dup", 9), ("duplicate-2", "<d@t>", "<r@t>", "", "dup", 10),
    ("no-id-1", "", "<r@t>", "", "no id", 11), ("no-id-2", "", "", "<r1@t>", "other subject", 12),
    ("bad-references", "<b@t>", "junk <r@t> <<x> <y@t", "", "bad refs", 13), ("subject-1", "<s1@t>", "", "", "[list] hello", 14),
    ("subject-2", "<s2@t>", "", "", "Re: [list] hello", 15), ("subject-3", "<s3@t>", "", "", "Fwd: Hello (fwd)", 16),
    ("empty-subject", "<es@t>", "", "", "", 17), ("empty-subject-re", "<esr@t>", "", "", "Re:", 18),
    ("missing-middle", "<mm@t>", "<r@t> <never@t> <never2@t>", "", "deep", 19), ("quoted-id", "<\"q\"@t>", "", "", "quoted", 20),
    ("quoted-id-reply", "<qr@t>", "<q@t>", "", "Re: quoted", 21), ("in-reply-to-text", "<irt@t>", "", "Your message of <r2@t>", "irt", 22),
    ("same-date-1", "<sd1@t>", "", "", "same", 23), ("same-date-2", "<sd2@t>", "", "", "same", 23),
    ("encoded-subject", "<enc@t>", "", "", "=?utf-8?q?Re=3A_thread_one?=", 24), ("nested-re", "<nre@t>", "", "", "Re: re: Re[2]: [x] Fw: thread one", 25),
    ("fwd-bracket", "<fb@t>", "", "", "[Fwd: thread one]", 26), ("only-blob", "<ob@t>", "", "", "[blob]", 27),
    ("swap-parent", "<sp@t>", "<o2@t> <r@t>", "", "swap", 28),
]


def crlf(text):
    return text.encode().replace(b"\n", b"\r\n")


def handmade():
    """`(name, octets)` of every message written here."""
    for name, header in HEADERS.items():
        octets = header.encode("latin-1") if name == "latin1" else header.encode()
        yield f"header/{name}", octets.replace(b"\n", b"\r\n") + b"\r\nbody of it\r\n"
    for name, made in BODIES.items():
        fields, body = made or generated_body(name)
        yield f"body/{name}", crlf(HEAD.format(name=name) + fields + "\n" + body)
    for name, octets in RAW.items():
        yield f"raw/{name}", octets
    # Not in the order of their dates, so that a sort by date, by arrival and by number give three results.
    shuffled = random.Random(5).sample(THREADS, len(THREADS))
    for name, identifier, references, reply, subject, minute in shuffled:
        header = f"From: {name} <{name}@t>\nTo: list@t\nSubject: {subject}\nDate: Wed, 4 Mar 2026 08:{minute:02}:00 +0000\n"
        for field, value in (("Message-ID", identifier), ("References", references), ("In-Reply-To", reply)):
            header += f"{field}: {value}\n" if value else ""
        yield f"thread/{name}", crlf(header + "\ntext\n")


class Generator:
    """Random messages out of well-formed and broken pieces; the same seed makes the same messages."""

    TYPES = ["text/plain", "text/html; charset=utf-8", "image/png; name=\"a b\"", "TEXT/HTML",
             "application/octet-stream; name=x y", "text/plain; charset", "message/delivery-status",
             "text/plain (c); (d) a=b", "x/y; z*0=1; z*1=2"]
    FIELDS = ["Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable", "Content-Disposition: attachment; filename=f",
              "Content-ID: <i@x>", "Content-Description: some\n text", "Content-Language: en, fr", "Content-Location: l",
              "Content-Transfer-Encoding: 8bit (c)", "Content-Disposition: inline", "Content-MD5: abc", "X-Other: y", "no colon here"]
    WORDS = ["alpha", "beta", "--", "--b", "--b0", "--b1--", "gamma delta", "", "", "=3D", "\t", "Content-Type: text/plain", "From a"]
    ADDRESSES = ["a@x.org", "A <a@x.org>", "\"A B\" <a@x.org>", "G: a@x.org, b@x.org;", "(c) a@x.org", "a", "<>", "a@x.org (N)",
                 "<@r:a@x.org>", "A B", "a@[1.2.3.4]", "G:;", "\"q\"@x.org", "A <a@x.org", "=?utf-8?q?=C3=A9?= <a@x.org>"]

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seed = seed

    def body(self, depth):
        r = self.random
        choice = r.random()
        if depth < 4 and choice < 0.45:
            boundary = r.choice(["b", "b0", "b1", "bb", "b b", "x=y"])
            fields = f"Content-Type: multipart/{r.choice(['mixed', 'alternative', 'digest', 'MIXED', 'x'])}; boundary=\"{boundary}\"\n"
            out = r.choice(["", "", "preamble\n", "\n"])
            for _ in range(r.choice([0, 1, 1, 2, 2, 3])):
                inner_fields, inner = self.body(depth + 1)
                out += f"--{boundary}{r.choice(['', '', '', ' '])}\n{inner_fields}{r.choice(['', chr(10), chr(10), chr(10)])}{inner}"
                out += r.choice(["\n", "\n", ""])
            return fields + self.more(), out + r.choice([f"--{boundary}--\n", f"--{boundary}--", "", f"--{boundary}--\nepilogue\n"])
        if depth < 4 and choice < 0.6:
            fields, body = self.message(depth + 1)
            return "Content-Type: message/rfc822\n" + self.more(), fields + r.choice(["\n", "\n", "\n", ""]) + body
        fields = f"Content-Type: {r.choice(self.TYPES)}\n" if r.random() < 0.7 else ""
        return fields + self.more(), "".join(r.choice(self.WORDS) + r.choice(["\n", "\n", "\n", ""]) for _ in range(r.randrange(6)))

    def more(self):
        return "".join(self.random.choice(self.FIELDS) + "\n" for _ in range(self.random.choice([0, 0, 0, 1, 1, 2])))

    def message(self, depth=0):
        r = self.random
        header = ""
        for field in ("From", "To", "Cc", "Sender", "Reply-To"):
            if r.random() < 0.5:
                header += f"{field}: " + r.choice([", ", ",", ",\n "]).join(r.choice(self.ADDRESSES) for _ in range(r.choice([1, 1, 2, 3]))) + "\n"
        header += r.choice(["", "Subject: s\n", "Subject:\n", "Subject: Re: a\n b\n", "Subject: x  y\t z\n"])
        header += r.choice(["", "Message-ID: <1@x>\n", "Message-ID: junk\n"]) + r.choice(["", "MIME-Version: 1.0\n"])
        header += r.choice(["", "Date: Tue, 3 Mar 2026 10:20:30 +0100\n", "Date: junk\n"])
        fields, body = self.body(depth)
        return header + fields, body

    def messages(self, count):
        for number in range(count):
            fields, body = self.message()
            text = fields + self.random.choice(["\n", "\n", "\n", "\n", ""]) + body
            yield f"random/{self.seed}-{number}", crlf(text or "\n")
