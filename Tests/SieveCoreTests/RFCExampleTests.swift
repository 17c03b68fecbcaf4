import MIMECore
import Testing

@testable import SieveCore

/// The examples of the RFCs of Sieve's extensions; those of RFC 5228 have a file of their own.
@Suite struct RFCExampleTests {
    static let copyAndBody = [
        RFCExample(
            "RFC 3894 section 3", #"require ["copy", "fileinto"]; fileinto :copy "incoming";"#,
            "fileinto incoming", "implicit keep"),
        RFCExample(
            "RFC 5173 section 5.1", #"require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }"#,
            mail: "Subject: MAKE MONEY FAST\n\nx MAKE MONEY FAST x\n", "discard"),
        RFCExample(
            "RFC 5173 section 5.1, in the header only",
            #"require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }"#,
            mail: "Subject: MAKE MONEY FAST\n\nx\n", "implicit keep"),
        RFCExample(
            "RFC 5173 section 5.1, in the header of a part",
            #"require "body"; if body :raw :contains "MAKE MONEY FAST" { discard; }"#,
            mail:
                "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Description: MAKE MONEY FAST\n\nx\n--b--\n",
            "discard"),
        RFCExample(
            "RFC 5173 section 5.2, text",
            #"require ["body", "fileinto"]; if body :content "text" :contains ["missile", "coordinates"] { fileinto "secrets"; }"#,
            mail:
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/html\nContent-Transfer-Encoding: base64\n\nbWlzc2lsZQ==\n--b--\n",
            "fileinto secrets"),
        RFCExample(
            "RFC 5173 section 5.2, audio",
            #"require ["body", "fileinto"]; if body :content "audio/mp3" :contains "" { fileinto "jukebox"; }"#,
            mail:
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: audio/mp3\n\nxx\n--b--\n",
            "fileinto jukebox"),
        RFCExample(
            "RFC 5173 section 5.2, no audio",
            #"require ["body", "fileinto"]; if body :content "audio/mp3" :contains "" { fileinto "jukebox"; }"#,
            "implicit keep"),
        RFCExample(
            "RFC 5173 section 5.3",
            #"require ["body", "fileinto"]; if body :text :contains "project schedule" { fileinto "project/schedule"; }"#,
            mail:
                "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nthe project=\n schedule\n",
            "fileinto project/schedule"),
    ]

    static let environment = [
        RFCExample(
            "RFC 5183 section 4", #"require "environment"; if environment :contains "item" "" { discard; }"#,
            host: ExampleHost(items: ["item": ""]), "discard"),
        RFCExample(
            "RFC 5183 section 4, an unknown item",
            #"require "environment"; if environment :contains "item" "" { discard; }"#, "implicit keep"),
        RFCExample(
            "RFC 5183 section 5",
            #"require "environment"; if environment :matches "remote-host" "*.example.com" { discard; }"#,
            host: ExampleHost(items: ["remote-host": "mx.example.com"]), "discard"),
    ]

    private static let matchVariables = #"""
        require ["fileinto", "variables"];
        if header :matches "List-ID" "*<*@*" {
            fileinto "INBOX.lists.${2}"; stop;
        }
        # Imagine the header
        # Subject: [acme-users] [fwd] version 1.0 is out
        if header :matches "Subject" "[*] *" {
            fileinto "INBOX.lists.${1}"; stop;
        }
        # Imagine the header
        # To: coyote@ACME.Example.COM
        if address :matches ["To", "Cc"] ["coyote@**.com", "wile@**.com"] {
            fileinto "INBOX.business.${2}"; stop;
        } else {
        }
        if anyof (true, address :domain :matches "To" "*.com") {
            # The second test is never evaluated, so there are still no match variables set.
            fileinto "none${0}${1}";
            stop;
        }
        """#

    private static func variable(_ action: String) -> String {
        #"require ["variables", "fileinto"]; set "a" "juMBlEd lETteRS"; "# + action + #" fileinto "${b}";"#
    }

    static let variables = [
        RFCExample(
            "RFC 5229 section 3",
            #"require ["variables", "fileinto"]; set "company" "ACME"; fileinto "${company}-${BAD}-${wrong wrong}-${COMPANY}";"#,
            "fileinto ACME--${wrong wrong}-ACME"),
        RFCExample(
            "RFC 5229 section 3, other forms",
            #"require ["variables", "fileinto"]; set "company" "ACME"; fileinto "${President, ${Company} Inc.}|${}|$${company}|${company";"#,
            "fileinto ${President, ACME Inc.}|${}|$ACME|${company"),
        RFCExample(
            "RFC 5229 section 3.1, dollar",
            #"require ["variables", "fileinto"]; set "beep" "x"; set "dollar" "$"; fileinto "regarding ${dollar}{beep}";"#,
            "fileinto regarding ${beep}"),
        RFCExample(
            "RFC 5229 section 3.1, encoded",
            #"require ["encoded-character", "variables"]; set "name" "Ethelbert"; if header :contains "Subject" "dear${hex:20 24 7b 4e}ame}" { discard; }"#,
            mail: "Subject: dear Ethelbert\n\n", "discard"),
        RFCExample(
            "RFC 5229 section 3.2, list", matchVariables, mail: "List-ID: X <acme@lists.example>\n\n",
            "fileinto INBOX.lists.acme"),
        RFCExample(
            "RFC 5229 section 3.2, subject", matchVariables, mail: "Subject: [acme-users] [fwd] version 1.0 is out\n\n",
            "fileinto INBOX.lists.acme-users"),
        RFCExample(
            "RFC 5229 section 3.2, address", matchVariables, mail: "To: coyote@ACME.Example.COM\n\n",
            "fileinto INBOX.business.ACME.Example"),
        RFCExample("RFC 5229 section 3.2, none", matchVariables, mail: "To: x@y.org\n\n", "fileinto none"),
        RFCExample(
            "RFC 5229 section 4",
            """
            require ["variables", "vacation"];
            set "honorific"  "Mr";
            set "first_name" "Wile";
            set "last_name"  "Coyote";
            set "vacation" text:
            Dear ${HONORIFIC} ${last_name},
            I'm out, please leave a message after the meep.
            .
            ;
            vacation "${vacation}";
            """,
            "vacation Dear Mr Coyote,\r\nI'm out, please leave a message after the meep.\r\n", "implicit keep"),
        RFCExample("RFC 5229 section 4.1, plain", variable(#"set "b" "${a}";"#), "fileinto juMBlEd lETteRS"),
        RFCExample("RFC 5229 section 4.1, length", variable(#"set :length "b" "${a}";"#), "fileinto 15"),
        RFCExample("RFC 5229 section 4.1, lower", variable(#"set :lower "b" "${a}";"#), "fileinto jumbled letters"),
        RFCExample(
            "RFC 5229 section 4.1, upperfirst", variable(#"set :upperfirst "b" "${a}";"#), "fileinto JuMBlEd lETteRS"),
        RFCExample(
            "RFC 5229 section 4.1, both", variable(#"set :upperfirst :lower "b" "${a}";"#), "fileinto Jumbled letters"),
        RFCExample(
            "RFC 5229 section 4.1, wildcard", variable(#"set :quotewildcard "b" "Rock*";"#), "fileinto Rock\\*"),
        RFCExample(
            "RFC 5229 section 5",
            #"require "variables"; set "state" "${state} pending"; if string :matches " ${state} " "* pending *" { discard; }"#,
            "discard"),
    ]

    static let vacation = [
        RFCExample(
            "RFC 5230 section 4.2, one",
            #"require "vacation"; if header :contains "subject" "cyrus" { vacation "I'm out -- send mail to cyrus-bugs"; } else { vacation "I'm out -- call me at +1 304 555 0123"; }"#,
            mail: "Subject: cyrus\n\n", "vacation I'm out -- send mail to cyrus-bugs", "implicit keep"),
        RFCExample(
            "RFC 5230 section 4.2, two",
            #"require ["vacation", "variables"]; if header :matches "subject" "*" { vacation :subject "Automatic response to: ${1}" "I'm away -- send mail to foo in my absence"; }"#,
            "vacation I'm away -- send mail to foo in my absence", "implicit keep"),
        RFCExample(
            "RFC 5230 section 4.2, three",
            #"require "vacation"; if header :contains "subject" "lunch" { vacation :handle "ran-away" "I'm out and can't meet for lunch"; } else { vacation :handle "ran-away" "I'm out"; }"#,
            "vacation I'm out", "implicit keep"),
        RFCExample(
            "RFC 5230 section 4.4",
            """
            require "vacation";
            vacation :mime text:
            Content-Type: multipart/alternative; boundary=foo

            --foo

            I'm at the beach relaxing.  Mmmm, surf...

            --foo
            Content-Type: text/html; charset=us-ascii

            <P>Mmmm, <STRONG>surf...</STRONG>

            --foo--
            .
            ;
            """,
            "vacation Content-Type: multipart/alternative; boundary=foo\r\n\r\n--foo\r\n\r\nI'm at the beach relaxing.  Mmmm, surf...\r\n\r\n--foo\r\nContent-Type: text/html; charset=us-ascii\r\n\r\n<P>Mmmm, <STRONG>surf...</STRONG>\r\n\r\n--foo--\r\n",
            "implicit keep"),
        RFCExample(
            "RFC 5230 section 4.8, one",
            #"require "vacation"; vacation :days 23 :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] "I'm away until October 19.";"#,
            "vacation I'm away until October 19.", "implicit keep"),
        RFCExample(
            "RFC 5230 section 4.8, two",
            #"require "vacation"; if header :contains "from" "boss@example.edu" { redirect "pleeb@isp.example.org"; } else { vacation "Sorry, I'm away."; }"#,
            mail: "From: boss@example.edu\n\n", "redirect pleeb@isp.example.org"),
        RFCExample(
            "RFC 5230 section 7, language",
            #"require "vacation"; if header :contains ["accept-language", "content-language"] "en" { vacation "I am away this week."; } else { vacation "Estoy ausente esta semana."; }"#,
            mail: "Content-Language: es\n\n", "vacation Estoy ausente esta semana.", "implicit keep"),
        RFCExample(
            "RFC 5230 section 7, division",
            #"require "vacation"; if address :matches "from" "*@ourdivision.example.com" { vacation :subject "Gone fishing" "Having lots of fun! Back in a day or two!"; } else { vacation :subject "Je suis parti cette semaine" "Je lirai votre message quand je retourne."; }"#,
            mail: "From: x@ourdivision.example.com\n\n", "vacation Having lots of fun! Back in a day or two!",
            "implicit keep"),
        RFCExample(
            "RFC 6131 section 3, one",
            #"require ["vacation-seconds"]; vacation :addresses ["tjs@example.edu", "ts4z@landru.example.edu"] :seconds 1800 "I am in a meeting, and do not have access to email.";"#,
            "vacation I am in a meeting, and do not have access to email.", "implicit keep"),
        RFCExample(
            "RFC 6131 section 3, two",
            #"require ["vacation-seconds"]; vacation :handle "auto-resp" :seconds 0 "Your request has been received.";"#,
            "vacation Your request has been received.", "implicit keep"),
    ]

    private static let relationalScript = #"""
        require ["relational", "comparator-i;ascii-numeric", "fileinto"];
        if header :value "lt" :comparator "i;ascii-numeric" ["x-priority"] ["3"] {
           fileinto "Priority";
        }
        elsif address :count "gt" :comparator "i;ascii-numeric" ["to"] ["5"] {
           fileinto "SPAM";
        }
        elsif address :value "gt" :all :comparator "i;ascii-casemap" ["from"] ["M"] {
           fileinto "From N-Z";
        } else {
           fileinto "From A-M";
        }
        if allof ( address :count "eq" :comparator "i;ascii-numeric" ["to", "cc"] ["1"] ,
                   address :all :comparator "i;ascii-casemap" ["to", "cc"] ["me@foo.example.com"] ) {
           fileinto "Only me";
        }
        """#

    private static let flagScript = #"""
        require ["fileinto", "imap4flags", "variables"];
        if size :over 1M {
            addflag "MyFlags" "Big";
            if header :is "From" "boss@company.example.com" {
                addflag "MyFlags" "\\Flagged";
            }
            fileinto :flags "${MyFlags}" "Big messages";
        }
        if header :is "From" "grandma@example.net" {
            addflag "MyFlags" ["\\Answered", "$MDNSent"];
            fileinto :flags "${MyFlags}" "GrandMa";
        }
        if header :is "Sender" "owner-ietf-mta-filters@example.org" {
            set "MyFlags" "\\Flagged $Work";
            keep :flags "${MyFlags}";
        }
        elsif anyof (address :domain :is ["From", "To"] "company.example.com") {
            keep :flags "${MyFlags}";
        }
        elsif anyof (not address :all :contains ["To", "Cc"] "me@company.example.com",
                     header :matches "Subject" ["*make*money*fast*", "*university*dipl*mas*"]) {
            remove${x}flag_is_not_a_command;
        }
        else {
            fileinto :flags "${MyFlags}" "personal";
        }
        """#.replacing("remove${x}flag_is_not_a_command;", with: #"fileinto :flags "${MyFlags}" "spam";"#)

    private static let subaddressScript = #"""
        require ["envelope", "subaddress", "fileinto"];
        if envelope :user "to" "postmaster" {
            fileinto "inbox.postmaster";
            stop;
        }
        if envelope :detail "to" "mta-filters" {
            fileinto "inbox.ietf-mta-filters";
        }
        if envelope :detail "to" "foo" {
            redirect "ken@example.net";
        }
        """#

    static let comparisons = [
        RFCExample(
            "RFC 5231 section 7, priority", relationalScript, mail: "X-Priority: 1\nFrom: bob\n\n", "fileinto Priority"),
        RFCExample(
            "RFC 5231 section 7, many", relationalScript,
            mail: "To: a@b.c, b@b.c, c@b.c,\n d@b.c, e@b.c, f@b.c\nFrom: a@b.c\n\n", "fileinto SPAM"),
        RFCExample(
            "RFC 5231 section 7, N-Z", relationalScript,
            mail: "To: me@foo.example.com\nFrom: nora@example.com\n\n", "fileinto From N-Z", "fileinto Only me"),
        RFCExample(
            "RFC 5231 section 7, A-M", relationalScript,
            mail: "To: me@foo.example.com\nCc: other@example.com\nFrom: bob@example.com\n\n", "fileinto From A-M"),
        RFCExample(
            "RFC 5232 section 3.1, first",
            #"require ["fileinto", "imap4flags", "relational"]; if size :over 500K { setflag "\\Deleted"; } else { setflag "\\Seen"; }"#,
            "implicit keep (\\Seen)"),
        RFCExample(
            "RFC 5232 section 3.1, second",
            #"require ["fileinto", "imap4flags", "variables"]; if header :contains "from" "boss@frobnitzm.example.edu" { setflag "flagvar" "\\Flagged"; fileinto :flags "${flagvar}" "INBOX.From Boss"; }"#,
            mail: "From: boss@frobnitzm.example.edu\n\n", "fileinto INBOX.From Boss (\\Flagged)"),
        RFCExample(
            "RFC 5232 section 3.2",
            #"require ["fileinto", "imap4flags", "variables"]; addflag "flagvar" "\\Deleted"; addflag "flagvar" "\\Answered"; addflag "flagvar" ["\\Deleted", "\\Answered"]; addflag "flagvar" "\\Deleted \\Answered"; addflag "flagvar" "\\Answered \\Deleted"; keep :flags "${flagvar}";"#,
            "keep (\\Deleted \\Answered)"),
        RFCExample(
            "RFC 5232 section 3.3",
            #"require ["fileinto", "imap4flags", "variables"]; if header :contains "Disposition-Notification-To" "mel@example.com" { addflag "flagvar" "$MDNRequired"; } if header :contains "from" "imap@cac.washington.example.edu" { removeflag "flagvar" "$MDNRequired"; fileinto :flags "${flagvar}" "INBOX.imap-list"; }"#,
            mail: "Disposition-Notification-To: mel@example.com\nFrom: imap@cac.washington.example.edu\n\n",
            "fileinto INBOX.imap-list"),
        RFCExample(
            "RFC 5232 section 4",
            #"""
            require ["imap4flags", "variables", "fileinto", "relational", "comparator-i;ascii-numeric"];
            setflag "MyVar" "NonJunk Junk gnus-forward $Forwarded NotJunk JunkRecorded $Junk $NotJunk";
            if hasflag :contains "MyVar" "Junk" { fileinto "1"; }
            if hasflag :contains "MyVar" "forward" { fileinto "2"; }
            if hasflag :contains "MyVar" ["label", "forward"] { fileinto "3"; }
            if hasflag :contains "MyVar" ["junk", "forward"] { fileinto "4"; }
            if hasflag :contains "MyVar" "label" { fileinto "no"; }
            if hasflag :contains "MyVar" ["label1", "label2"] { fileinto "no"; }
            if hasflag :is "MyVar" "Junk" { fileinto "5"; }
            if hasflag :is "MyVar" "forward" { fileinto "no"; }
            if hasflag :count "ge" :comparator "i;ascii-numeric" "MyVar" "2" { fileinto "6"; }
            """#,
            "fileinto 1", "fileinto 2", "fileinto 3", "fileinto 4", "fileinto 5", "fileinto 6"),
        RFCExample(
            "RFC 5232 section 5",
            #"require ["fileinto", "imap4flags"]; fileinto :flags "\\Deleted" "INBOX.From Boss";"#,
            "fileinto INBOX.From Boss (\\Deleted)"),
        RFCExample(
            "RFC 5232 section 9, grandma", flagScript,
            mail: "From: grandma@example.net\nTo: me@company.example.com\n\n",
            "fileinto GrandMa (\\Answered $MDNSent)", "keep (\\Answered $MDNSent)"),
        RFCExample(
            "RFC 5232 section 9, list", flagScript, mail: "Sender: owner-ietf-mta-filters@example.org\n\n",
            "keep (\\Flagged $Work)"),
        RFCExample("RFC 5232 section 9, spam", flagScript, mail: "To: x@example.net\n\n", "fileinto spam"),
        RFCExample(
            "RFC 5232 section 9, big", flagScript,
            mail: "From: boss@company.example.com\n\n" + String(repeating: "0123456789abcde\n", count: 65_000),
            "fileinto Big messages (Big \\Flagged)", "keep (Big \\Flagged)"),
        RFCExample(
            "RFC 5233 section 4, postmaster", subaddressScript, recipient: "postmaster@example.com",
            "fileinto inbox.postmaster"),
        RFCExample(
            "RFC 5233 section 4, list", subaddressScript, recipient: "ken+mta-filters@example.com",
            "fileinto inbox.ietf-mta-filters"),
        RFCExample(
            "RFC 5233 section 4, redirect", subaddressScript, recipient: "ken+foo@example.com",
            "redirect ken@example.net"),
        RFCExample("RFC 5233 section 4, none", subaddressScript, recipient: "ken@example.com", "implicit keep"),
    ]

    private static func scanner(_ kind: SievePolicy.StatusTest.Kind, _ maximum: String) -> SievePolicy {
        var policy = SievePolicy()
        policy.spamTest.kind = kind
        policy.spamTest.statusHeader = "X-Spam-Score"
        policy.spamTest.maximum = maximum
        policy.virusTest.kind = .text
        policy.virusTest.statusHeader = "X-Virus"
        policy.virusTest.texts = [1: "clean", 4: "probably infected", 5: "infected"]
        return policy
    }

    private static let spamScript = #"""
        require ["spamtest", "fileinto", "relational", "comparator-i;ascii-numeric"];
        if spamtest :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "INBOX.unclassified"; }
        elsif spamtest :value "ge" :comparator "i;ascii-numeric" "3" { fileinto "INBOX.spam-trap"; }
        """#

    private static func percentScript(_ first: String) -> String {
        #"""
        require ["spamtestplus", "fileinto", "relational", "comparator-i;ascii-numeric"];
        if spamtest \#(first) :comparator "i;ascii-numeric" "0" { fileinto "INBOX.unclassified"; }
        elsif spamtest :percent :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "INBOX.not-spam"; }
        elsif spamtest :percent :value "lt" :comparator "i;ascii-numeric" "37" { fileinto "INBOX.spam-trap"; }
        else { discard; }
        """#
    }

    private static let virusScript = #"""
        require ["virustest", "fileinto", "relational", "comparator-i;ascii-numeric"];
        if virustest :value "eq" :comparator "i;ascii-numeric" "0" { fileinto "INBOX.unclassified"; }
        if virustest :value "eq" :comparator "i;ascii-numeric" "4" { fileinto "INBOX.quarantine"; }
        elsif virustest :value "eq" :comparator "i;ascii-numeric" "5" { discard; }
        """#

    private static func spam(_ place: String, _ script: String, _ mail: String, _ decision: String) -> RFCExample {
        RFCExample(place, script, mail: mail, policy: Self.scanner(.score, "100"), decision)
    }

    static let scanners = [
        spam("RFC 5235 section 3.2.1, untested", spamScript, "Subject: x\n\n", "fileinto INBOX.unclassified"),
        spam("RFC 5235 section 3.2.1, clean", spamScript, "X-Spam-Score: 0\n\n", "implicit keep"),
        spam("RFC 5235 section 3.2.1, spam", spamScript, "X-Spam-Score: 30\n\n", "fileinto INBOX.spam-trap"),
        spam(
            "RFC 5235 section 3.2.2, untested", percentScript(#":value "eq""#), "Subject: x\n\n",
            "fileinto INBOX.unclassified"),
        spam(
            "RFC 5235 section 3.2.2, clean", percentScript(#":value "eq""#), "X-Spam-Score: 0\n\n",
            "fileinto INBOX.not-spam"),
        spam(
            "RFC 5235 section 3.2.2, some", percentScript(#":value "eq""#), "X-Spam-Score: 36\n\n",
            "fileinto INBOX.spam-trap"),
        spam("RFC 5235 section 3.2.2, much", percentScript(#":value "eq""#), "X-Spam-Score: 37\n\n", "discard"),
        spam(
            "RFC 5235 section 3.2.2, counted", percentScript(#":percent :count "eq""#), "Subject: x\n\n",
            "fileinto INBOX.unclassified"),
        spam(
            "RFC 5235 section 3.2.2, counted and clean", percentScript(#":percent :count "eq""#),
            "X-Spam-Score: 0\n\n", "fileinto INBOX.not-spam"),
        spam("RFC 5235 section 3.3, untested", virusScript, "Subject: x\n\n", "fileinto INBOX.unclassified"),
        spam("RFC 5235 section 3.3, clean", virusScript, "X-Virus: Clean\n\n", "implicit keep"),
        spam(
            "RFC 5235 section 3.3, probable", virusScript, "X-Virus: probably infected\n\n",
            "fileinto INBOX.quarantine"),
        spam("RFC 5235 section 3.3, infected", virusScript, "X-Virus: infected\n\n", "discard"),
    ]

    private static let pagerScript = #"""
        require ["date", "relational"];
        if anyof(currentdate :is "weekday" "0",
                 currentdate :is "weekday" "6",
                 currentdate :value "lt" "hour" "09",
                 currentdate :value "ge" "hour" "17")
        { redirect "pager@example.com"; }
        """#

    /// Seconds of a time in 2026 at +0100: Monday 2026-11-23.
    private static func monday(_ hour: Int64) -> MessageDate {
        MessageDate(secondsSince1970: 1_795_388_400 + hour * 3600, zoneOffsetMinutes: 60)
    }

    private static let bossScript = #"""
        require ["date", "relational", "fileinto"];
        if allof(header :is "from" "boss@example.com",
                 date :value "ge" :originalzone "date" "hour" "09",
                 date :value "lt" :originalzone "date" "hour" "17")
        { fileinto "urgent"; }
        """#

    private static let weekendScript = #"""
        require ["date", "relational", "fileinto"];
        if anyof(date :is "received" "weekday" "0",
                 date :is "received" "weekday" "6")
        { fileinto "weekend"; }
        """#

    static let dates = [
        RFCExample(
            "RFC 5260 section 4.4, urgent", bossScript,
            mail: "From: boss@example.com\nDate: Mon, 23 Nov 2026 09:30:00 -0800\n\n", "fileinto urgent"),
        RFCExample(
            "RFC 5260 section 4.4, late", bossScript,
            mail: "From: boss@example.com\nDate: Mon, 23 Nov 2026 17:00:00 -0800\n\n", "implicit keep"),
        RFCExample(
            "RFC 5260 section 4.4, weekend", weekendScript,
            mail: "Received: from x by y; Sat, 21 Nov 2026 12:00:00 +0100\n\n", "fileinto weekend"),
        RFCExample(
            "RFC 5260 section 4.4, weekday", weekendScript,
            mail: "Received: from x by y; Mon, 23 Nov 2026 12:00:00 +0100\n\n", "implicit keep"),
        RFCExample("RFC 5260 section 5.1, early", pagerScript, now: monday(8), "redirect pager@example.com"),
        RFCExample("RFC 5260 section 5.1, at work", pagerScript, now: monday(9), "implicit keep"),
        RFCExample("RFC 5260 section 5.1, evening", pagerScript, now: monday(17), "redirect pager@example.com"),
        RFCExample("RFC 5260 section 5.1, Sunday", pagerScript, now: monday(-12), "redirect pager@example.com"),
        RFCExample(
            "RFC 5260 section 5.1, holidays",
            #"require ["date", "relational", "vacation"]; if allof(currentdate :value "ge" "date" "2007-06-30", currentdate :value "le" "date" "2007-07-07") { vacation :days 7  "I'm away during the first week in July."; }"#,
            now: MessageDate(secondsSince1970: 1_183_300_000), "vacation I'm away during the first week in July.",
            "implicit keep"),
        RFCExample(
            "RFC 5260 section 5.1, month",
            #"require ["date", "variables", "fileinto"]; if currentdate :matches "month" "*" { set "month" "${1}"; } if currentdate :matches "year"  "*" { set "year"  "${1}"; } fileinto "${month}-${year}";"#,
            now: monday(12), "fileinto 11-2026"),
        RFCExample(
            "RFC 5260 section 5.1, header",
            #"require ["variables", "date", "editheader", "fileinto"]; if currentdate :matches "std11" "*" {addheader "Processing-date" "${0}";} if header "processing-date" "Mon, 23 Nov 2026 12:00:00 +0100" { fileinto "yes"; }"#,
            now: monday(12), "fileinto yes"),
        RFCExample(
            "RFC 5260 section 6.1",
            #"require ["date", "relational", "index"]; if date :value "gt" :index 2 :zone "-0500" "received" "iso8601" "2007-02-26T09:00:00-05:00" { redirect "aftercutoff@example.org"; }"#,
            mail:
                "Received: a; Mon, 26 Feb 2007 08:00:00 -0500\nReceived: b; Mon, 26 Feb 2007 16:00:00 +0100\n\n",
            "redirect aftercutoff@example.org"),
    ]

    private static func edit(_ place: String, _ script: String, _ decisions: String...) -> RFCExample {
        var example = RFCExample(
            place, #"require ["editheader", "fileinto", "copy", "index"]; "# + script,
            mail: "Delivered-To: bob@example.com\nDelivered-To: x@example.com\nSubject: x\n\n")
        example.decisions = decisions
        return example
    }

    static let edits = [
        edit(
            "RFC 5293 section 4",
            #"if not header :contains "X-Sieve-Filtered" ["<kim@job.example.com>", "<kim@home.example.com>"] { addheader "X-Sieve-Filtered" "<kim@job.example.com>"; redirect "kim@home.example.com"; }"#,
            "redirect kim@home.example.com"),
        edit(
            "RFC 5293 section 5",
            #"deleteheader :index 1 :contains "Delivered-To" "bob@example.com"; if header "delivered-to" "bob@example.com" { discard; } if exists "delivered-to" { keep; }"#,
            "keep"),
        edit(
            "RFC 5293 section 5, another one",
            #"deleteheader :index 2 :contains "Delivered-To" "bob@example.com"; if header "delivered-to" "bob@example.com" { keep; }"#,
            "keep"),
        edit(
            "RFC 5293 section 6",
            #"addheader "X-Hello" "World"; deleteheader :index 1 "X-Hello"; if exists "X-Hello" { discard; }"#,
            "implicit keep"),
        edit(
            "RFC 5293 section 7",
            #"addheader "X-Hello" "World"; if header :contains "X-Hello" "World" { fileinto "international"; } keep;"#,
            "fileinto international", "keep"),
    ]

    static let refusals = [
        RFCExample(
            "RFC 5429 section 2.1",
            #"require ["ereject"]; if address "from" "someone@example.com" { ereject "I no longer accept mail from this address"; }"#,
            mail: "From: someone@example.com\n\n", "ereject I no longer accept mail from this address"),
        RFCExample(
            "RFC 5429 section 2.2",
            "require [\"reject\"];\nif size :over 100K {\n reject text:\nYour message is too big.\n.\n ;\n}",
            mail: "Subject: x\n\n" + String(repeating: "0123456789abcde\n", count: 7000),
            "reject Your message is too big.\r\n"),
        RFCExample(
            "RFC 5429 section 2.2.1",
            "require [\"reject\"];\nif header :contains \"from\" \"coyote@desert.example.org\" {\n reject text:\n I am not taking mail from you, and I don't\n want your birdseed, either!\n.\n ;\n}",
            mail: "From: coyote@desert.example.org\n\n",
            "reject  I am not taking mail from you, and I don't\r\n want your birdseed, either!\r\n"),
    ]

    private static let notifyScript = #"""
        require ["enotify", "fileinto", "variables"];
        if header :contains "from" "boss@example.org" {
            notify :importance "1" :message "This is probably very important" "mailto:alm@example.com";
            # Don't send any further notifications
            stop;
        }
        if header :contains "to" "sievemailinglist@example.org" {
            if header :matches "Subject" "*" { set "subject" "${1}"; }
            if header :matches "From" "*" { set "from" "${1}"; }
            notify :importance "3" :message "[SIEVE] ${from}: ${subject}" "mailto:alm@example.com";
            fileinto "INBOX.sieve";
        }
        """#

    static let notifications = [
        RFCExample(
            "RFC 5435 section 3.7, boss", notifyScript,
            mail: "From: boss@example.org\nTo: sievemailinglist@example.org\n\n", "notify mailto:alm@example.com",
            "implicit keep"),
        RFCExample(
            "RFC 5435 section 3.7, list", notifyScript, mail: "To: sievemailinglist@example.org\n\n",
            "notify mailto:alm@example.com", "fileinto INBOX.sieve"),
        RFCExample(
            "RFC 5435 section 3.7, third",
            #"""
            require ["enotify", "fileinto", "variables", "envelope"];
            if header :matches "from" "*@*.example.org" {
                if envelope :all :matches "from" "*" { set "env_from" " [really: ${1}]"; }
                if header :matches "Subject" "*" { set "subject" "${1}"; }
                if address :matches :all "from" "*" { set "from_addr" "${1}"; }
                notify :message "${from_addr}${env_from}: ${subject}" "mailto:alm@example.com";
            }
            """#,
            mail: "From: x@y.example.org\n\n", "notify mailto:alm@example.com", "implicit keep"),
        RFCExample(
            "RFC 5435 section 3.7, fourth",
            #"""
            require ["enotify", "variables"];
            set "notif_method" "xmpp:tim@example.com?message;subject=SIEVE;body=You%20got%20mail";
            if header :contains "subject" "Your dog" { set "notif_method" "tel:+14085551212"; }
            if header :contains "to" "sievemailinglist@example.org" { set "notif_method" ""; }
            if not string :is "${notif_method}" "" { notify "${notif_method}"; }
            """#,
            mail: "To: sievemailinglist@example.org\n\n", "implicit keep"),
        RFCExample(
            "RFC 5435 section 4",
            #"require "enotify"; if not valid_notify_method ["mailto:", "http://gw.example.net/notify?test"] { discard; stop; }"#,
            "discard"),
        RFCExample(
            "RFC 5435 section 5",
            #"require ["enotify"]; if notify_method_capability "xmpp:tim@example.com?message;subject=SIEVE" "Online" "yes" { discard; }"#,
            "implicit keep"),
        RFCExample(
            "RFC 5435 section 6",
            #"require ["enotify", "variables"]; set :encodeurl "body_param" "Safe body&evil=evilbody"; notify "mailto:tim@example.com?body=${body_param}";"#,
            "notify mailto:tim@example.com?body=Safe%20body%26evil%3Devilbody", "implicit keep"),
        RFCExample(
            "RFC 5436 section 3",
            #"""
            require ["enotify", "variables"];
            if header :contains "list-id" "knitting.example.com" {
              if header :matches "Subject" "[*] *" {
                notify :message "From ${1} list: ${2}" :importance "3"
                    "mailto:0123456789@sms.example.net?to=backup@example.com";
              }
            }
            """#,
            mail: "List-ID: <knitting.example.com>\nSubject: [knit] needles\n\n",
            "notify mailto:0123456789@sms.example.net?to=backup@example.com", "implicit keep"),
    ]

    private static let mailboxScript =
        #"require ["fileinto", "reject", "mailbox"]; if mailboxexists "Partners" { fileinto "Partners"; } else { reject "This message was not accepted by the Mailstore"; }"#

    private static let notifyByMetadata = #"""
        require ["enotify", "servermetadata", "variables", "envelope"];
        if servermetadata :matches "/private/vendor/vendor.isode/notification-uri" "*" { set "notif_uri" "${0}"; }
        if not string :is "${notif_uri}" "none" {
            if envelope :all :matches "from" "*" { set "env_from" " [really: ${1}]"; }
            if header :matches "Subject" "*" { set "subject" "${1}"; }
            if address :matches :all "from" "*" { set "from_addr" "${1}"; }
            notify :message "${from_addr}${env_from}: ${subject}" "${notif_uri}";
        }
        """#

    static let places = [
        RFCExample(
            "RFC 5490 section 3.1, there", mailboxScript, host: ExampleHost(mailboxes: ["Partners"]),
            "fileinto Partners"),
        RFCExample(
            "RFC 5490 section 3.1, not there", mailboxScript,
            "reject This message was not accepted by the Mailstore"),
        RFCExample(
            "RFC 5490 section 3.3",
            #"require ["mboxmetadata", "vacation"]; if metadata :is "INBOX" "/private/vendor/vendor.isode/auto-replies" "on" { vacation "I'm away on holidays till March 2009."; }"#,
            host: ExampleHost(metadata: ["INBOX /private/vendor/vendor.isode/auto-replies": "on"]),
            "vacation I'm away on holidays till March 2009.", "implicit keep"),
        RFCExample(
            "RFC 5490 section 4.1", notifyByMetadata,
            host: ExampleHost(metadata: [" /private/vendor/vendor.isode/notification-uri": "mailto:x@example.com"]),
            "notify mailto:x@example.com", "implicit keep"),
        RFCExample(
            "RFC 5490 section 4.1, none", notifyByMetadata,
            host: ExampleHost(metadata: [" /private/vendor/vendor.isode/notification-uri": "none"]), "implicit keep"),
    ]

    private static let library = ExampleHost(scripts: [
        "personal/always_allow":
            #"if address :is "from" "boss@example.com" { keep; } elsif address :is "from" "ceo@example.com" { keep; }"#,
        "global/spam_tests":
            #"require ["reject"]; if header :contains "Subject" "XXXX" { reject "Subject XXXX is unacceptable."; } elsif address :is "from" "money@example.com" { reject "Mail from this sender is unwelcome."; }"#,
        "personal/spam_tests":
            #"require ["reject"]; if anyof (header :contains "Subject" "$$", header :contains "Subject" "Make money") { reject "No thank you."; }"#,
        "personal/mailing_lists":
            #"require ["fileinto"]; if header :is "List-ID" "sieve.ietf.org" { fileinto "lists.sieve"; } elsif header :is "List-ID" "ietf-imapext.imc.org" { fileinto "lists.imapext"; }"#,
        "personal/subject_tests":
            #"require ["include", "variables"]; global ["test", "test_mailbox"]; if header :contains "Subject" "${test}" { set "test_mailbox" "spam-${test}"; }"#,
    ])

    private static let includeScript = #"""
        require ["include"];
        include :personal "always_allow";
        include :global "spam_tests";
        include :personal "spam_tests";
        include :personal "mailing_lists";
        """#

    private static let globalScript = #"""
        require ["fileinto", "include", "variables", "relational"];
        global "test";
        global "test_mailbox";
        # The included script may contain repetitive code that is effectively a subroutine.
        set "test" "$$";
        include "subject_tests";
        set "test" "Make money";
        include "subject_tests";
        if string :count "eq" "${test_mailbox}" "1"
        {
            fileinto "${test_mailbox}";
            stop;
        }
        """#

    static let includes = [
        RFCExample(
            "RFC 6609 section 3.2, boss", includeScript, mail: "From: boss@example.com\n\n", host: library, "keep"),
        RFCExample(
            "RFC 6609 section 3.2, global", includeScript, mail: "From: money@example.com\n\n", host: library,
            "reject Mail from this sender is unwelcome."),
        RFCExample(
            "RFC 6609 section 3.2, personal", includeScript, mail: "Subject: Make money\n\n", host: library,
            "reject No thank you."),
        RFCExample(
            "RFC 6609 section 3.2, list", includeScript, mail: "List-ID: sieve.ietf.org\n\n", host: library,
            "fileinto lists.sieve"),
        RFCExample(
            "RFC 6609 section 3.4.1, first", globalScript, mail: "Subject: win $$\n\n", host: library,
            "fileinto spam-$$"),
        RFCExample(
            "RFC 6609 section 3.4.1, second", globalScript, mail: "Subject: Make money\n\n", host: library,
            "fileinto spam-Make money"),
        RFCExample(
            "RFC 6609 section 3.4.2",
            #"require ["variables", "include", "vacation"]; global "i_am_on_vacation"; set "global.i_am_on_vacation" "1"; if string :is "${i_am_on_vacation}" "1" { vacation "It's true, I am on vacation."; }"#,
            "vacation It's true, I am on vacation.", "implicit keep"),
    ]

    private static func ifSeen(_ seen: String...) -> ExampleHost { ExampleHost(seen: Set(seen)) }

    private static let ticketScript = #"""
        require ["duplicate", "imap4flags"];
        if duplicate :header "X-Event-ID" :handle "notifier" { discard; }
        if allof (
          duplicate :header "X-Ticket-ID" :handle "support",
          address "to" "support@example.com",
          header :contains "subject" "fileserver")
        {
          setflag "\\seen";
        }
        """#

    static let duplicates = [
        RFCExample(
            "RFC 7352 section 3.2, first", #"require "duplicate"; if duplicate { discard; }"#,
            mail: "Message-ID: <1@x>\n\n", host: ifSeen("/<1@x>"), "discard"),
        RFCExample(
            "RFC 7352 section 3.2, header",
            #"require "duplicate"; if duplicate :header "message-id" { discard; }"#, mail: "Message-ID: <1@x>\n\n",
            host: ifSeen("/<1@x>"), "discard"),
        RFCExample(
            "RFC 7352 section 3.2, identity",
            #"require ["duplicate", "variables"]; if header :matches "message-id" "*" { if duplicate :uniqueid "${0}" { discard; } }"#,
            mail: "Message-ID: <1@x>\n\n", host: ifSeen("/<1@x>"), "discard"),
        RFCExample(
            "RFC 7352 section 3.2, new", #"require "duplicate"; if duplicate { discard; }"#,
            mail: "Message-ID: <2@x>\n\n", host: ifSeen("/<1@x>"), "implicit keep"),
        RFCExample(
            "RFC 7352 section 5.1",
            #"require ["duplicate", "fileinto", "mailbox"]; if duplicate { fileinto :create "Trash/Duplicate"; }"#,
            mail: "Message-ID: <1@x>\n\n", host: ifSeen("/<1@x>"), "fileinto Trash/Duplicate :create"),
        RFCExample(
            "RFC 7352 section 5.2",
            #"require ["duplicate", "variables", "imap4flags", "fileinto"]; if header :matches "subject" "ALERT: *" { if duplicate :seconds 60 :uniqueid "${1}" { setflag "\\seen"; } fileinto "Alerts"; }"#,
            mail: "Subject: ALERT: disk full\n\n", host: ifSeen("/disk full"), "fileinto Alerts (\\seen)"),
        RFCExample(
            "RFC 7352 section 5.4, event", ticketScript, mail: "X-Event-ID: 7\n\n", host: ifSeen("notifier/7"),
            "discard"),
        RFCExample(
            "RFC 7352 section 5.4, ticket", ticketScript,
            mail: "X-Ticket-ID: 7\nTo: support@example.com\nSubject: fileserver\n\n", host: ifSeen("support/7"),
            "implicit keep (\\seen)"),
    ]

    static let others = [
        RFCExample(
            "RFC 5463 section 4",
            #"require ["ihave"]; if ihave ["fileinto", "no-such-extension"] { no_such_command "x"; } else { discard; }"#,
            "discard"),
        RFCExample(
            "RFC 5463 section 4, there", #"require ["ihave"]; if ihave "fileinto" { fileinto "x"; }"#, "fileinto x"),
        RFCExample(
            "RFC 5463 section 5", #"require "ihave"; discard; error "nothing works here";"#,
            "error: nothing works here", "implicit keep"),
        RFCExample(
            "draft regex, address",
            #"require ["regex", "fileinto"]; if not address :regex ["to", "cc", "bcc"] "me(\\+.*)?@company\\.com" { fileinto "spam"; }"#,
            mail: "To: me+x@company.com\n\n", "implicit keep"),
        RFCExample(
            "draft regex, groups",
            #"require ["regex", "variables", "fileinto"]; if header :regex :comparator "i;octet" "subject" "^\\[([a-z]+)\\] (.*)$" { fileinto "${1}-${2}"; }"#,
            mail: "Subject: [list] hello\n\n", "fileinto list-hello"),
    ]

    static let all = [
        copyAndBody, environment, variables, vacation, comparisons, scanners, dates, edits, refusals, notifications,
        places, includes, duplicates, others,
    ].flatMap(\.self)

    @Test(arguments: Self.all)
    func example(_ example: RFCExample) throws { try example.check() }

    /// Schemes of notification that this server does not have are errors, found as early as they can be.
    @Test func methodsThatAreNotThere() throws {
        for method in ["xmpp:user@im.example.com", "tel:+14085551212", "http://gw.example.net/notify?test"] {
            #expect(complaints("require \"enotify\"; notify \"\(method)\";").count == 1)
            let script = "require [\"enotify\", \"variables\"]; set \"m\" \"\(method)\"; notify \"${m}\";"
            let result = try decisions(script)
            #expect(result.count == 2 && result.last == "implicit keep", "\(result)")
        }
    }
}
