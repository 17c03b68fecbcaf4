import MIMECore
import Testing

@testable import SieveCore

/// Examples of RFC 5703 (parts), RFC 6134 (lists), RFC 8579 (special use), RFC 8580 (copies) and RFC 9042 (mailbox ids).
@Suite struct PartAndListExampleTests {
    private static let attachments = """
        From: boss@example.org
        Subject: the plan
        MIME-Version: 1.0
        Content-Type: multipart/mixed; boundary=b

        --b
        Content-Type: text/plain

        See the program.
        --b
        Content-Type: application/exe
        Content-Disposition: attachment; filename="setup.com"

        MZ
        --b--

        """

    /// RFC 5703 section 9.1.
    private static let replaceAttachments = """
        require [ "foreverypart", "mime", "replace" ];
        foreverypart
        {
          if anyof (
                 header :mime :contenttype :is "Content-Type" "application/exe",
                 header :mime :param "filename"
                   :matches ["Content-Type", "Content-Disposition"] "*.com" )
          {
            replace "Executable attachment removed by user filter";
          }
        }
        """

    /// RFC 5703 section 9.2.
    private static let warn = """
        require [ "foreverypart", "mime", "enclose" ];
        foreverypart
        {
          if header :mime :param "filename"
             :matches ["Content-Type", "Content-Disposition"]
               ["*.com", "*.exe", "*.vbs", "*.scr", "*.pif", "*.hta", "*.bat", "*.zip" ]
          {
            # these attachment types are executable
            enclose :subject "Warning" text:
        WARNING! The enclosed message contains executable attachments.
        .
        ;
            break;
          }
        }
        """

    private func edited(_ script: String, _ mail: String) throws -> String {
        let result = try run(script, crlf(mail))
        let edited = try #require(result.editedMessages.last)
        return String(decoding: edited.header + (edited.body ?? []), as: UTF8.self)
    }

    @Test func replacesAttachments() throws {
        let text = try self.edited(Self.replaceAttachments, Self.attachments)
        #expect(text.contains("Executable attachment removed by user filter"))
        #expect(!text.contains("setup.com") && !text.contains("MZ"))
        #expect(text.contains("See the program.") && text.hasPrefix("From: boss@example.org\r\n"))
    }

    @Test func warnsOfAttachments() throws {
        let text = try self.edited(Self.warn, Self.attachments)
        #expect(text.contains("\r\nSubject: Warning\r\n") && text.contains("WARNING! The enclosed"))
        #expect(text.contains("Content-Type: message/rfc822\r\n\r\nFrom: boss@example.org\r\nSubject: the plan\r\n"))
        #expect(text.contains("setup.com"))
    }

    /// What a replaced message was called stays in its header.
    @Test func replacesAll() throws {
        let text = try self.edited(
            "require \"replace\"; replace :subject \"gone\" :from \"me@example.com\" \"x\";", Self.attachments)
        #expect(text.contains("Original-Subject: the plan\r\n") && text.contains("Original-From: boss@example.org\r\n"))
        #expect(text.contains("\r\nSubject: gone\r\n") && text.contains("\r\nFrom: me@example.com\r\n"))
        #expect(!text.contains("multipart/mixed"))
    }

    private static let parts = [
        RFCExample(
            "RFC 5703 section 9.3",
            #"""
            require ["mime", "variables", "extracttext", "foreverypart", "fileinto"];
            if header :contains "from" "boss@example.org"
            {
              # :matches is used to get the value of the Subject header
              if header :matches "Subject" "*" { set "subject" "${1}"; }
              # extract the first 100 characters of the first text/* part
              foreverypart
              {
                if header :mime :type :is "Content-Type" "text"
                {
                  extracttext :first 100 "msgcontent";
                  break;
                }
              }
              # if it's not a 'for your information' message
              if not header :contains "subject" "FYI:" { fileinto "${subject}: ${msgcontent}"; }
            }
            """#, mail: attachments, "fileinto the plan: See the program."),
        RFCExample(
            "RFC 5703 section 4.1, any child",
            #"require ["mime", "fileinto"]; if header :mime :anychild :contenttype "Content-Type" "application/exe" { fileinto "programs"; }"#,
            mail: attachments, "fileinto programs"),
        RFCExample(
            "RFC 5703 section 4.1, the top only",
            #"require ["mime", "fileinto"]; if header :mime :type "Content-Type" "multipart" { fileinto "multi"; }"#,
            mail: attachments, "fileinto multi"),
        RFCExample(
            "RFC 5703 section 4.1, parameter",
            #"require ["mime", "fileinto"]; if header :mime :anychild :param "filename" :contains "Content-Disposition" "SETUP" { fileinto "important"; }"#,
            mail: attachments, "fileinto important"),
        RFCExample(
            "RFC 5703 section 4.3",
            #"require ["mime", "fileinto"]; if exists :mime :anychild ["content-disposition"] { fileinto "x"; }"#,
            mail: attachments, "fileinto x"),
    ]

    private static let friends = ExampleHost(
        lists: [
            ":addrbook:default": ["friend@example.com"],
            "tag:example.com,2009-05-28:TeamMembers": ["ann@example.com", "bob@example.com"],
            "tag:example.com,2011-01-01:localHolidays": ["2026-11-21"],
        ])

    private static let lists = [
        RFCExample(
            "RFC 6134, white list",
            #"require ["envelope", "extlists", "fileinto"]; if envelope :list "from" ":addrbook:default" { fileinto "Known"; }"#,
            sender: "friend@example.com", host: friends, "fileinto Known"),
        RFCExample(
            "RFC 6134, white list, a stranger",
            #"require ["envelope", "extlists", "fileinto"]; if envelope :list "from" ":addrbook:default" { fileinto "Known"; }"#,
            sender: "stranger@example.com", host: friends, "implicit keep"),
        RFCExample(
            "RFC 6134, holidays",
            #"require ["extlists", "date", "enotify"]; if currentdate :list "date" "tag:example.com,2011-01-01:localHolidays" { notify "mailto:alm@example.com"; }"#,
            host: friends, "notify mailto:alm@example.com", "implicit keep"),
        RFCExample(
            "RFC 6134, redirect",
            #"require ["extlists"]; redirect :list "tag:example.com,2009-05-28:TeamMembers";"#, host: friends,
            "redirect ann@example.com", "redirect bob@example.com"),
        RFCExample(
            "RFC 6134, redirect with a copy",
            #"require ["extlists", "copy"]; redirect :copy :list "tag:example.com,2009-05-28:TeamMembers";"#,
            host: friends, "redirect ann@example.com", "redirect bob@example.com", "implicit keep"),
        RFCExample(
            "RFC 6134, a list that is not there",
            #"require ["extlists"]; if valid_ext_list ["tag:example.com,2009-05-28:Nobody"] { discard; } redirect :list "tag:example.com,2009-05-28:Nobody";"#,
            host: friends,
            "error: there is no list \"tag:example.com,2009-05-28:Nobody\" whose members are known", "implicit keep"),
    ]

    private static let places = [
        RFCExample(
            "RFC 8579, archive",
            #"require ["fileinto", "special-use"]; if specialuse_exists "\\Archive" { fileinto :specialuse "\\Archive" "INBOX/list-archive"; }"#,
            host: ExampleHost(uses: ["\\Archive": "Archive"]), "fileinto INBOX/list-archive"),
        RFCExample(
            "RFC 8579, of one mailbox",
            #"require ["special-use"]; if specialuse_exists "Junk" ["\\Junk"] { discard; }"#,
            host: ExampleHost(uses: ["\\Junk": "Spam"]), "implicit keep"),
        RFCExample(
            "RFC 8579, made where it is missing",
            #"require ["fileinto", "special-use", "mailbox"]; fileinto :specialuse "\\Junk" :create "Spam";"#,
            "fileinto Spam :create"),
        RFCExample(
            "RFC 8580, vacation",
            #"require ["vacation", "fcc"]; vacation :days 7 :from "hemingway@example.com" :fcc "INBOX.Sent" "I'm away";"#,
            "vacation I'm away", "implicit keep"),
        RFCExample(
            "RFC 8580, notify",
            #"require ["enotify", "fcc"]; notify :fcc "INBOX.Sent" :message "You got mail!" "mailto:ken@example.com";"#,
            "notify mailto:ken@example.com", "implicit keep"),
        RFCExample(
            "RFC 8580, all tags",
            #"require ["vacation", "fcc", "mailbox", "special-use", "imap4flags", "mailboxid"]; vacation :fcc "INBOX.Sent" :specialuse "\\Sent" :create :flags ["\\Seen"] :mailboxid "F6352ae03" "I'm away";"#,
            "vacation I'm away", "implicit keep"),
        RFCExample(
            "RFC 9042 section 3",
            #"require "fileinto"; require "mailboxid"; if header :contains ["from"] "coyote" { fileinto :mailboxid "F6352ae03-b7f5-463c-896f-d8b48ee3" "INBOX.harassment"; }"#,
            mail: "From: coyote@desert.example.org\n\n", "fileinto INBOX.harassment"),
        RFCExample(
            "RFC 9042 section 5",
            #"require ["mailboxid", "fileinto"]; if mailboxidexists ["F1", "F2"] { fileinto :mailboxid "F1" "x"; } else { discard; }"#,
            host: ExampleHost(ids: ["F1"]), "discard"),
    ]

    @Test(arguments: [parts, lists, places].flatMap(\.self))
    func example(_ example: RFCExample) throws { try example.check() }
}
