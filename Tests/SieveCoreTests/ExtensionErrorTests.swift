import Testing

@testable import SieveCore

/// One bad script for each rule of the extensions: where the error is and how it is told.
@Suite struct ExtensionErrorTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var script: String
        var error: String
        var testDescription: String { self.script }

        init(_ script: String, _ error: String) {
            self.script = script
            self.error = error
        }
    }

    static let address = [
        Case(
            "if address :domain :all \"from\" \"x\" { }",
            "line 1, column 20: error: the tags \":domain\" and \":all\" exclude each other"),
        Case(
            "if address \"frop\" \"x\" { }",
            "line 1, column 12: error: the header \"frop\" holds no addresses; use \"header\" instead"),
        Case(
            "if address :is \"from\" { }",
            "line 1, column 4: error: \"address\" is incomplete: a string or a list of strings for the keys is missing"),
    ]

    static let body = [
        Case(
            "require \"body\";\nif body {}",
            "line 2, column 4: error: \"body\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require \"body\";\nif body :raw :text \"x\" {}",
            "line 2, column 14: error: the tags \":raw\" and \":text\" exclude each other"),
        Case(
            "require \"body\";\nif body :content \"x\" {}",
            "line 2, column 4: error: \"body\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require \"body\";\nif body :content 1 \"x\" {}",
            "line 2, column 9: error: a string or a list of strings must follow the tag \":content\""),
        Case(
            "require \"body\";\nif body :frop \"x\" {}",
            "line 2, column 9: error: \"body\" does not know the tag \":frop\""),
        Case(
            "require \"body\";\nif body 1 {}",
            "line 2, column 9: error: \"body\" takes a string or a list of strings for the keys, but found the number 1"
        ),
    ]

    static let copy = [
        Case(
            "require [\"copy\", \"fileinto\"];\nkeep :copy;",
            "line 2, column 6: error: \"keep\" does not know the tag \":copy\""),
        Case(
            "require [\"copy\", \"fileinto\"];\ndiscard :copy;",
            "line 2, column 9: error: \"discard\" does not know the tag \":copy\""),
        Case(
            "require [\"copy\", \"fileinto\"];\nfileinto :copy :copy \"x\";",
            "line 2, column 16: error: \"fileinto\" has the tag \":copy\" twice"),
        Case(
            "require [\"copy\", \"fileinto\"];\nredirect :copy \"nobody\";",
            "line 2, column 16: error: \"nobody\" is no address to which mail can be sent"),
    ]

    static let date = [
        Case(
            "require [\"date\", \"relational\"];\nif date \"a\" \"b\" \"c\" {}",
            "line 2, column 13: error: \"b\" is no part of a date"),
        Case(
            "require [\"date\", \"relational\"];\nif date :zone \"x\" \"date\" \"year\" \"1\" {}",
            "line 2, column 15: error: \"x\" is no time zone; they are written like \"+0100\""),
        Case(
            "require [\"date\", \"relational\"];\nif date :zone \"+0100\" :originalzone \"date\" \"year\" \"1\" {}",
            "line 2, column 23: error: the tags \":zone\" and \":originalzone\" exclude each other"),
        Case(
            "require [\"date\", \"relational\"];\nif currentdate \"year\" {}",
            "line 2, column 4: error: \"currentdate\" is incomplete: a string or a list of strings for the keys is missing"
        ),
        Case(
            "require [\"date\", \"relational\"];\nif currentdate :originalzone \"year\" \"1\" {}",
            "line 2, column 16: error: \"currentdate\" does not know the tag \":originalzone\""),
        Case(
            "require [\"date\", \"relational\"];\nif date \"date\" \"nopart\" \"x\" {}",
            "line 2, column 16: error: \"nopart\" is no part of a date"),
    ]

    static let index = [
        Case(
            "require [\"index\", \"date\"];\nif header :last \"a\" \"b\" {}",
            "line 2, column 11: error: the tag \":last\" needs \":index\" too"),
        Case(
            "require [\"index\", \"date\"];\nif header :index 0 \"a\" \"b\" {}",
            "line 2, column 4: error: the number behind \":index\" must be 1 or more"),
        Case(
            "require [\"index\", \"date\"];\nif header :index \"1\" \"a\" \"b\" {}",
            "line 2, column 11: error: a number must follow the tag \":index\""),
        Case(
            "require [\"index\", \"date\"];\nif date :last \"date\" \"year\" \"1\" {}",
            "line 2, column 9: error: the tag \":last\" needs \":index\" too"),
    ]

    static let duplicate = [
        Case(
            "require \"duplicate\";\nif duplicate \"x\" {}",
            "line 2, column 14: error: \"duplicate\" takes no argument, but found the string \"x\""),
        Case(
            "require \"duplicate\";\nif duplicate :handle {}",
            "line 2, column 14: error: a string must follow the tag \":handle\""),
        Case(
            "require \"duplicate\";\nif duplicate :header \"x\" :uniqueid \"y\" {}",
            "line 2, column 26: error: the tags \":header\" and \":uniqueid\" exclude each other"),
        Case(
            "require \"duplicate\";\nif duplicate :seconds \"x\" {}",
            "line 2, column 14: error: a number must follow the tag \":seconds\""),
    ]

    static let editheader = [
        Case(
            "require \"editheader\";\naddheader \"a\";",
            "line 2, column 1: error: \"addheader\" is incomplete: a string for the value is missing"),
        Case(
            "require \"editheader\";\naddheader \"a:\" \"b\";",
            "line 2, column 11: error: \"a:\" is no name of a header"),
        Case(
            "require \"editheader\";\naddheader :first \"a\" \"b\";",
            "line 2, column 11: error: \"addheader\" does not know the tag \":first\""),
        Case(
            "require \"editheader\";\ndeleteheader;",
            "line 2, column 1: error: \"deleteheader\" is incomplete: a string for the header name is missing"),
        Case(
            "require \"editheader\";\ndeleteheader \"a b\";",
            "line 2, column 14: error: \"a b\" is no name of a header"),
        Case(
            "require \"editheader\";\ndeleteheader :last \"a\";",
            "line 2, column 1: error: the tag \":last\" needs \":index\" too"),
        Case(
            "require \"editheader\";\ndeleteheader :index 1 :is \"a\" \"b\" \"c\";",
            "line 2, column 35: error: \"deleteheader\" takes no argument after the value patterns, but found the string \"c\""
        ),
    ]

    static let encodedCharacter = [
        Case(
            "require [\"encoded-character\"];\nredirect \"${unicode:110000}\";",
            "line 2, column 10: error: there is no Unicode character 110000 in \"${unicode:110000}\""),
        Case(
            "require [\"encoded-character\"];\nif header \"a\" \"${unicode:200000}\" {}",
            "line 2, column 15: error: there is no Unicode character 200000 in \"${unicode:200000}\""),
        Case(
            "require [\"encoded-character\"];\nif header \"${unicode:d800}\" \"x\" {}",
            "line 2, column 11: error: there is no Unicode character D800 in \"${unicode:d800}\""),
    ]

    static let enotify = [
        Case(
            "require \"enotify\";\nnotify;",
            "line 2, column 1: error: \"notify\" is incomplete: a string for the method is missing"),
        Case(
            "require \"enotify\";\nnotify \"frop:x\";",
            "line 2, column 8: error: \"frop:x\" is no method of notification; \"mailto:\" is the one there is"),
        Case(
            "require \"enotify\";\nnotify \"mailto:\";",
            "line 2, column 8: error: \"mailto:\" is no method of notification; \"mailto:\" is the one there is"),
        Case(
            "require \"enotify\";\nnotify :importance \"4\" \"mailto:a@b.c\";",
            "line 2, column 20: error: the importance is \"1\", \"2\" or \"3\", not \"4\""),
        Case(
            "require \"enotify\";\nnotify :importance 1 \"mailto:a@b.c\";",
            "line 2, column 8: error: a string must follow the tag \":importance\""),
        Case(
            "require \"enotify\";\nnotify :from \"bad\" \"mailto:a@b.c\";",
            "line 2, column 14: error: \"bad\" is no address from which mail can be sent"),
        Case(
            "require \"enotify\";\nnotify :message 1 \"mailto:a@b.c\";",
            "line 2, column 8: error: a string must follow the tag \":message\""),
        Case(
            "require \"enotify\";\nnotify :options \"x\" 1;",
            "line 2, column 21: error: \"notify\" takes a string for the method, but found the number 1"),
        Case(
            "require \"enotify\";\nif valid_notify_method {}",
            "line 2, column 4: error: \"valid_notify_method\" is incomplete: a string or a list of strings for the methods is missing"
        ),
        Case(
            "require \"enotify\";\nif notify_method_capability \"mailto:\" {}",
            "line 2, column 4: error: \"notify_method_capability\" is incomplete: a string for the capability is missing"
        ),
    ]

    static let envelope = [
        Case(
            "require \"envelope\";\nif envelope \"frop\" \"x\" {}",
            "line 2, column 13: error: the envelope has no part \"frop\", only \"from\" and \"to\""),
        Case(
            "require \"envelope\";\nif envelope {}",
            "line 2, column 4: error: \"envelope\" is incomplete: a string or a list of strings for the envelope parts is missing"
        ),
        Case(
            "require \"envelope\";\nif envelope :all \"from\" 1 {}",
            "line 2, column 25: error: \"envelope\" takes a string or a list of strings for the keys, but found the number 1"
        ),
        Case(
            "require \"envelope\";\nif envelope [\"to\", \"nope\"] \"x\" {}",
            "line 2, column 20: error: the envelope has no part \"nope\", only \"from\" and \"to\""),
    ]

    static let environment = [
        Case(
            "require \"environment\";\nif environment {}",
            "line 2, column 4: error: \"environment\" is incomplete: a string for the item is missing"),
        Case(
            "require \"environment\";\nif environment \"a\" {}",
            "line 2, column 4: error: \"environment\" is incomplete: a string or a list of strings for the keys is missing"
        ),
        Case(
            "require \"environment\";\nif environment 1 \"x\" {}",
            "line 2, column 16: error: \"environment\" takes a string for the item, but found the number 1"),
    ]

    static let mime = [
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart;",
            "line 2, column 1: error: \"foreverypart\" needs a block of commands in braces"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart \"x\" {}",
            "line 2, column 14: error: \"foreverypart\" takes no argument, but found the string \"x\""),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nbreak;",
            "line 2, column 1: error: \"break\" belongs into a \"foreverypart\""),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart :name 1 {}",
            "line 2, column 14: error: a string must follow the tag \":name\""),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart :name \"a\" { break :name \"b\"; }",
            "line 2, column 38: error: no \"foreverypart\" around is named \"b\""),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nif header :anychild \"a\" \"b\" {}",
            "line 2, column 4: error: the tag \":anychild\" needs \":mime\" too"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nif header :mime :param \"a\" \"b\" {}",
            "line 2, column 4: error: \"header\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nif header :mime :type :subtype \"a\" \"b\" {}",
            "line 2, column 23: error: the tags \":type\" and \":subtype\" exclude each other"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nextracttext \"x\";",
            "line 2, column 1: error: \"extracttext\" belongs into a \"foreverypart\""),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart { extracttext \"1\"; }",
            "line 2, column 28: error: the match variable \"1\" cannot be set"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart { extracttext; }",
            "line 2, column 16: error: \"extracttext\" is incomplete: a string for the variable is missing"),
        Case(
            "require [\"foreverypart\", \"mime\", \"extracttext\", \"variables\"];\nforeverypart { foreverypart { foreverypart { foreverypart { foreverypart { } } } } }",
            "line 2, column 61: error: \"foreverypart\" is nested more than 4 deep"),
    ]

    static let fileinto = [
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto;",
            "line 2, column 1: error: \"fileinto\" is incomplete: a string for the mailbox is missing"),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto 1;",
            "line 2, column 10: error: \"fileinto\" takes a string for the mailbox, but found the number 1"),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto [\"a\", \"b\"];",
            "line 2, column 10: error: \"fileinto\" takes a string for the mailbox, but found a list of strings"),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto \"a\" \"b\";",
            "line 2, column 14: error: \"fileinto\" takes no argument after the mailbox, but found the string \"b\""),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto :create :create \"a\";",
            "line 2, column 18: error: \"fileinto\" has the tag \":create\" twice"),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nfileinto \"x\" keep;",
            "line 2, column 14: error: \"fileinto\" takes no test; is a \";\" missing before \"keep\"?"),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nif mailboxexists {}",
            "line 2, column 4: error: \"mailboxexists\" is incomplete: a string or a list of strings for the mailboxes is missing"
        ),
        Case(
            "require [\"fileinto\", \"mailbox\"];\nif mailboxexists 1 {}",
            "line 2, column 18: error: \"mailboxexists\" takes a string or a list of strings for the mailboxes, but found the number 1"
        ),
    ]

    static let imap4flags = [
        Case(
            "require [\"imap4flags\", \"variables\"];\naddflag \"a\" \"b\" \"c\";",
            "line 2, column 17: error: \"addflag\" takes no argument after the flags, but found the string \"c\""),
        Case(
            "require [\"imap4flags\", \"variables\"];\nsetflag;",
            "line 2, column 1: error: \"setflag\" is incomplete: a string or a list of strings for the flags is missing"
        ),
        Case(
            "require [\"imap4flags\", \"variables\"];\naddflag 1;",
            "line 2, column 9: error: \"addflag\" takes a string or a list of strings for the flags, but found the number 1"
        ),
        Case(
            "require [\"imap4flags\", \"variables\"];\nif hasflag { }",
            "line 2, column 4: error: \"hasflag\" is incomplete: a string or a list of strings for the flags is missing"
        ),
        Case(
            "require [\"imap4flags\", \"variables\"];\nif hasflag :count \"x\" { }",
            "line 2, column 12: error: the tag \":count\" needs `require \"relational\";` at the beginning of the script"
        ),
        Case(
            "require [\"imap4flags\", \"variables\"];\nkeep :flags 1;",
            "line 2, column 6: error: a string or a list of strings must follow the tag \":flags\""),
        Case(
            "require [\"imap4flags\", \"variables\"];\nremoveflag :x \"y\";",
            "line 2, column 12: error: \"removeflag\" does not know the tag \":x\""),
        Case(
            "require [\"imap4flags\", \"variables\"];\nsetflag \"a.b-c\" \"y\";",
            "line 2, column 9: error: \"a.b-c\" is no name of a variable"),
        Case(
            "require [\"imap4flags\", \"variables\"];\naddflag \"1\" \"y\";",
            "line 2, column 9: error: the match variable \"1\" cannot be set"),
    ]

    static let ihave = [
        Case(
            "require \"ihave\";\nif ihave {}",
            "line 2, column 4: error: \"ihave\" is incomplete: a string or a list of strings for the capabilities is missing"
        ),
        Case(
            "require \"ihave\";\nif ihave 1 {}",
            "line 2, column 10: error: \"ihave\" takes a string or a list of strings for the capabilities, but found the number 1"
        ),
        Case(
            "require \"ihave\";\nerror;",
            "line 2, column 1: error: \"error\" is incomplete: a string for the message is missing"),
        Case(
            "require \"ihave\";\nerror 1;",
            "line 2, column 7: error: \"error\" takes a string for the message, but found the number 1"),
    ]

    static let include = [
        Case(
            "require \"include\";\ninclude;",
            "line 2, column 1: error: \"include\" is incomplete: a string for the script is missing"),
        Case(
            "require \"include\";\ninclude 1;",
            "line 2, column 9: error: \"include\" takes a string for the script, but found the number 1"),
        Case(
            "require \"include\";\ninclude :personal :global \"x\";",
            "line 2, column 19: error: the tags \":personal\" and \":global\" exclude each other"),
        Case("require \"include\";\ninclude \"a/b\";", "line 2, column 9: error: \"a/b\" is no name of a script"),
        Case("require \"include\";\ninclude \"\";", "line 2, column 9: error: \"\" is no name of a script"),
        Case(
            "require \"include\";\nreturn \"x\";",
            "line 2, column 8: error: \"return\" takes no argument, but found the string \"x\""),
        Case(
            "require \"include\";\nglobal \"a\";",
            "line 2, column 1: error: \"global\" needs `require \"variables\";` at the beginning of the script"),
    ]

    static let includeWithVariables = [
        Case(
            "require [\"include\", \"variables\"];\ninclude \"${x}\";",
            "line 2, column 9: error: the name of an included script must not contain variables"),
        Case(
            "require [\"include\", \"variables\"];\nglobal \"1\";",
            "line 2, column 8: error: \"1\" is no name of a variable"),
        Case(
            "require [\"include\", \"variables\"];\nglobal \"a.b\";",
            "line 2, column 8: error: \"a.b\" is no name of a variable"),
        Case(
            "require [\"include\", \"variables\"];\nset \"x\" \"1\"; global \"x\";",
            "line 2, column 21: error: the variable \"x\" is used already before it is made global"),
    ]

    static let metadata = [
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif metadata \"a\" \"/private/x\" {}",
            "line 2, column 4: error: \"metadata\" is incomplete: a string or a list of strings for the keys is missing"
        ),
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif metadata \"a\" {}",
            "line 2, column 4: error: \"metadata\" is incomplete: a string for the entry is missing"),
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif metadataexists \"a\" {}",
            "line 2, column 4: error: \"metadataexists\" is incomplete: a string or a list of strings for the entries is missing"
        ),
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif servermetadata \"/private/x\" {}",
            "line 2, column 4: error: \"servermetadata\" is incomplete: a string or a list of strings for the keys is missing"
        ),
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif servermetadataexists {}",
            "line 2, column 4: error: \"servermetadataexists\" is incomplete: a string or a list of strings for the entries is missing"
        ),
        Case(
            "require [\"mboxmetadata\", \"servermetadata\"];\nif servermetadata 1 \"x\" {}",
            "line 2, column 19: error: \"servermetadata\" takes a string for the entry, but found the number 1"),
    ]

    static let reject = [
        Case(
            "require \"reject\";\nreject;",
            "line 2, column 1: error: \"reject\" is incomplete: a string for the reason is missing"),
        Case(
            "require \"reject\";\nreject 1;",
            "line 2, column 8: error: \"reject\" takes a string for the reason, but found the number 1"),
        Case(
            "require \"reject\";\nreject \"a\" \"b\";",
            "line 2, column 12: error: \"reject\" takes no argument after the reason, but found the string \"b\""),
        Case(
            "require \"reject\";\nereject \"x\";",
            "line 2, column 1: error: \"ereject\" needs `require \"ereject\";` at the beginning of the script"),
    ]

    static let relational = [
        Case(
            "require [\"relational\"];\nif header :count \"gt\" \"a\" {}",
            "line 2, column 4: error: \"header\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require [\"relational\"];\nif header :value \"xx\" \"a\" \"1\" {}",
            "line 2, column 18: error: \"xx\" is none of gt, ge, lt, le, eq and ne"),
        Case(
            "require [\"relational\"];\nif header :count \"a\" \"1\" {}",
            "line 2, column 4: error: \"header\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require [\"relational\"];\nif address :count :value \"gt\" \"from\" \"1\" {}",
            "line 2, column 12: error: a string must follow the tag \":count\""),
        Case(
            "require [\"relational\"];\nif header :value \"gt\" :comparator \"i;ascii-numeric\" \"a\" \"1\" {}",
            "line 2, column 35: error: the comparator \"i;ascii-numeric\" needs `require \"comparator-i;ascii-numeric\";` at the beginning of the script"
        ),
    ]

    static let regex = [
        Case(
            "require \"regex\";\nif header :regex \"a\" \"(\" {}",
            "line 2, column 22: error: \"(\" is no regular expression: a \"(\" without a \")\""),
        Case(
            "require \"regex\";\nif header :regex \"a\" [\"ok\", \"[\"] {}",
            "line 2, column 29: error: \"[\" is no regular expression: a \"[\" without a \"]\""),
        Case(
            "require \"regex\";\nif header :regex \"a\" \"*a\" {}",
            "line 2, column 22: error: \"*a\" is no regular expression: nothing stands before \"*\""),
        Case(
            "require \"regex\";\nif header :regex \"a\" \"a{2,1}\" {}",
            "line 2, column 22: error: \"a{2,1}\" is no regular expression: bad numbers of repetitions; at most 255 are allowed"
        ),
    ]

    static let scanners = [
        Case(
            "require [\"spamtest\", \"virustest\"];\nif spamtest {}",
            "line 2, column 4: error: \"spamtest\" is incomplete: a string for the value is missing"),
        Case(
            "require [\"spamtest\", \"virustest\"];\nif spamtest 1 {}",
            "line 2, column 13: error: \"spamtest\" takes a string for the value, but found the number 1"),
        Case(
            "require [\"spamtest\", \"virustest\"];\nif spamtest :percent \"1\" {}",
            "line 2, column 13: error: the tag \":percent\" needs `require \"spamtestplus\";` at the beginning of the script"
        ),
        Case(
            "require [\"spamtest\", \"virustest\"];\nif virustest :percent \"1\" {}",
            "line 2, column 14: error: \"virustest\" does not know the tag \":percent\""),
        Case(
            "require [\"spamtest\", \"virustest\"];\nif spamtest \"a\" \"b\" {}",
            "line 2, column 17: error: \"spamtest\" takes no argument after the value, but found the string \"b\""),
    ]

    static let specialUse = [
        Case(
            "require [\"special-use\", \"fileinto\", \"mailbox\"];\nif specialuse_exists {}",
            "line 2, column 4: error: \"specialuse_exists\" is incomplete: a string or a list of strings for the special uses is missing"
        ),
        Case(
            "require [\"special-use\", \"fileinto\", \"mailbox\"];\nfileinto :specialuse \"x\";",
            "line 2, column 1: error: \"fileinto\" is incomplete: a string for the mailbox is missing"),
        Case(
            "require [\"special-use\", \"fileinto\", \"mailbox\"];\nfileinto :specialuse 1 \"x\";",
            "line 2, column 10: error: a string must follow the tag \":specialuse\""),
    ]

    static let vacation = [
        Case(
            "require [\"vacation\"];\nvacation;",
            "line 2, column 1: error: \"vacation\" is incomplete: a string for the reason is missing"),
        Case(
            "require [\"vacation\"];\nvacation :days \"x\" \"r\";",
            "line 2, column 10: error: a number must follow the tag \":days\""),
        Case(
            "require [\"vacation\"];\nvacation :from \"no address\" \"r\";",
            "line 2, column 16: error: \"no address\" is no address from which mail can be sent"),
        Case(
            "require [\"vacation\"];\nvacation :addresses [\"bad\"] \"r\";",
            "line 2, column 22: error: \"bad\" is no mail address"),
        Case(
            "require [\"vacation\"];\nvacation :handle 1 \"r\";",
            "line 2, column 10: error: a string must follow the tag \":handle\""),
        Case(
            "require [\"vacation\"];\nvacation :days 1 :days 2 \"r\";",
            "line 2, column 18: error: \"vacation\" has the tag \":days\" twice"),
        Case(
            "require [\"vacation\"];\nvacation :seconds 1 \"r\";",
            "line 2, column 10: error: the tag \":seconds\" needs `require \"vacation-seconds\";` at the beginning of the script"
        ),
        Case(
            "require [\"vacation\"];\nvacation :mime :frop \"r\";",
            "line 2, column 16: error: \"vacation\" does not know the tag \":frop\""),
    ]

    static let vacationSeconds = [
        Case(
            "require [\"vacation-seconds\"];\nvacation :days 1 :seconds 2 \"r\";",
            "line 2, column 18: error: the tags \":days\" and \":seconds\" exclude each other"),
        Case(
            "require [\"vacation-seconds\"];\nvacation :seconds \"x\" \"r\";",
            "line 2, column 10: error: a number must follow the tag \":seconds\""),
    ]

    static let variables = [
        Case(
            "require [\"variables\"];\nset \"a.b\" \"x\";",
            "line 2, column 5: error: unknown variable namespace \"a\" in \"${a.b}\""),
        Case(
            "require [\"variables\"];\nset \"1\" \"x\";",
            "line 2, column 5: error: the match variable \"1\" cannot be set"),
        Case(
            "require [\"variables\"];\nset \"a\" \"b\" \"c\";",
            "line 2, column 13: error: \"set\" takes no argument after the value, but found the string \"c\""),
        Case(
            "require [\"variables\"];\nset :lower :upper \"a\" \"b\";",
            "line 2, column 12: error: the tags \":lower\" and \":upper\" exclude each other"),
        Case(
            "require [\"variables\"];\nset :lowerfirst :upperfirst \"a\" \"b\";",
            "line 2, column 17: error: the tags \":lowerfirst\" and \":upperfirst\" exclude each other"),
        Case(
            "require [\"variables\"];\nset :frop \"a\" \"b\";",
            "line 2, column 5: error: \"set\" does not know the tag \":frop\""),
        Case(
            "require [\"variables\"];\nset \"a-b\" \"x\";",
            "line 2, column 5: error: \"a-b\" is no name of a variable"),
        Case("require [\"variables\"];\nset \"\" \"x\";", "line 2, column 5: error: \"\" is no name of a variable"),
        Case(
            "require [\"variables\"];\nset \"a\";",
            "line 2, column 1: error: \"set\" is incomplete: a string for the value is missing"),
        Case(
            "require [\"variables\"];\nset [\"a\", \"b\"] \"c\";",
            "line 2, column 5: error: \"set\" takes a string for the name, but found a list of strings"),
        Case(
            "require [\"variables\"];\nset \"x\" \"${33}\";",
            "line 2, column 9: error: there are match variables up to ${32} only"),
        Case(
            "require [\"variables\"];\nif string \"${a.b}\" \"\" {}",
            "line 2, column 11: error: unknown variable namespace \"a\" in \"${a.b}\""),
        Case(
            "require [\"variables\"];\nif string \"a\" {}",
            "line 2, column 4: error: \"string\" is incomplete: a string or a list of strings for the keys is missing"),
        Case(
            "require [\"variables\"];\nset :encodeurl \"a\" \"b\";",
            "line 2, column 5: error: the tag \":encodeurl\" needs `require \"enotify\";` at the beginning of the script"
        ),
        Case(
            "require [\"variables\"];\nset :quoteregex \"a\" \"b\";",
            "line 2, column 5: error: the tag \":quoteregex\" needs `require \"regex\";` at the beginning of the script"
        ),
    ]

    static let programs = [
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe;",
            "line 2, column 1: error: \"pipe\" is incomplete: a string for the program is missing"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe \"../x\";",
            "line 2, column 6: error: \"../x\" is no name of a program; paths are not allowed"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe \"/bin/sh\";",
            "line 2, column 6: error: \"/bin/sh\" is no name of a program; paths are not allowed"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe \".x\";",
            "line 2, column 6: error: \".x\" is no name of a program; paths are not allowed"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe :copy \"x\";",
            "line 2, column 6: error: the tag \":copy\" needs `require \"copy\";` at the beginning of the script"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe \"x\" \"two\nlines\";",
            "line 2, column 10: error: the argument \"two??lines\" of a program has more than one line"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\nfilter \"a/b\";",
            "line 2, column 8: error: \"a/b\" is no name of a program; paths are not allowed"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\nif filter {}",
            "line 2, column 4: error: \"filter\" is incomplete: a string for the program is missing"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\nexecute :pipe :input \"x\" \"y\";",
            "line 2, column 15: error: the tags \":pipe\" and \":input\" exclude each other"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\nexecute :output \"1\" \"y\";",
            "line 2, column 17: error: the match variable \"1\" cannot be set"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\nexecute :output \"a-b\" \"y\";",
            "line 2, column 17: error: \"a-b\" is no name of a variable"),
        Case(
            "require [\"vnd.dovecot.pipe\", \"vnd.dovecot.filter\", \"vnd.dovecot.execute\", \"variables\"];\npipe \"x\" [\"a\"] \"b\";",
            "line 2, column 16: error: \"pipe\" takes no argument after the program's arguments, but found the string \"b\""
        ),
    ]

    static let withoutRequire = [
        Case(
            "fileinto \"x\";",
            "line 1, column 1: error: \"fileinto\" needs `require \"fileinto\";` at the beginning of the script"),
        Case(
            "if body \"x\" {}",
            "line 1, column 4: error: \"body\" needs `require \"body\";` at the beginning of the script"),
        Case(
            "keep :flags \"x\";",
            "line 1, column 6: error: the tag \":flags\" needs `require \"imap4flags\";` at the beginning of the script"
        ),
        Case(
            "if header :regex \"a\" \"b\" {}",
            "line 1, column 11: error: the tag \":regex\" needs `require \"regex\";` at the beginning of the script"),
        Case(
            "if envelope \"to\" \"x\" {}",
            "line 1, column 4: error: \"envelope\" needs `require \"envelope\";` at the beginning of the script"),
        Case(
            "if header :comparator \"i;ascii-numeric\" \"a\" \"1\" {}",
            "line 1, column 23: error: the comparator \"i;ascii-numeric\" needs `require \"comparator-i;ascii-numeric\";` at the beginning of the script"
        ),
        Case(
            "if address :user \"to\" \"x\" {}",
            "line 1, column 12: error: the tag \":user\" needs `require \"subaddress\";` at the beginning of the script"
        ),
        Case(
            "vacation \"x\";",
            "line 1, column 1: error: \"vacation\" needs `require \"vacation\";` at the beginning of the script"),
        Case(
            "addheader \"a\" \"b\";",
            "line 1, column 1: error: \"addheader\" needs `require \"editheader\";` at the beginning of the script"),
        Case(
            "if header :index 1 \"a\" \"b\" {}",
            "line 1, column 11: error: the tag \":index\" needs `require \"index\";` at the beginning of the script"),
        Case(
            "redirect :copy \"a@b.c\";",
            "line 1, column 10: error: the tag \":copy\" needs `require \"copy\";` at the beginning of the script"),
        Case(
            "foreverypart {}",
            "line 1, column 1: error: \"foreverypart\" needs `require \"foreverypart\";` at the beginning of the script"
        ),
        Case(
            "notify \"mailto:a@b.c\";",
            "line 1, column 1: error: \"notify\" needs `require \"enotify\";` at the beginning of the script"),
        Case(
            "include \"x\";",
            "line 1, column 1: error: \"include\" needs `require \"include\";` at the beginning of the script"),
        Case(
            "if duplicate {}",
            "line 1, column 4: error: \"duplicate\" needs `require \"duplicate\";` at the beginning of the script"),
        Case(
            "set \"a\" \"b\";",
            "line 1, column 1: error: \"set\" needs `require \"variables\";` at the beginning of the script"),
        Case(
            "reject \"x\";",
            "line 1, column 1: error: \"reject\" needs `require \"reject\";` at the beginning of the script"),
        Case(
            "if environment \"a\" \"b\" {}",
            "line 1, column 4: error: \"environment\" needs `require \"environment\";` at the beginning of the script"),
        Case(
            "if date \"date\" \"year\" \"1\" {}",
            "line 1, column 4: error: \"date\" needs `require \"date\";` at the beginning of the script"),
        Case(
            "if mailboxexists \"x\" {}",
            "line 1, column 4: error: \"mailboxexists\" needs `require \"mailbox\";` at the beginning of the script"),
        Case(
            "if header :list \"a\" \"b\" {}",
            "line 1, column 11: error: the tag \":list\" needs `require \"extlists\";` at the beginning of the script"),
        Case(
            "pipe \"x\";",
            "line 1, column 1: error: \"pipe\" needs `require \"vnd.dovecot.pipe\";` at the beginning of the script"),
    ]

    static let all = [
        address, body, copy, date, index, duplicate, editheader, encodedCharacter, enotify, envelope, environment, mime,
        fileinto, imap4flags, ihave, include, includeWithVariables, metadata, reject, relational, regex, scanners,
        specialUse, vacation, vacationSeconds, variables, programs, withoutRequire,
    ].flatMap(\.self)

    @Test(arguments: Self.all)
    func isToldOnce(_ test: Case) {
        let found = SieveCompiler().compile(Array(test.script.utf8), name: "test").diagnostics
        #expect(found.filter { $0.severity == .error }.map(\.description) == [test.error])
    }
}
