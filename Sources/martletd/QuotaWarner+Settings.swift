import Delivery
import Logging
import ServerConfig
import ServerCore

extension QuotaWarner.Options {
    /// What the settings say of levels of usage.
    init(_ settings: Settings, _ logger: Logger) {
        self.init()
        self.warnings = settings.quota.warnings.map { setting in
            var warning = QuotaWarning(name: setting.name)
            warning.sendsMail = setting.sendsMail
            warning.subject = setting.subject
            warning.text = setting.text
            // Split before variables are replaced: no user name becomes two arguments.
            warning.program = Self.words(setting.execute)
            return warning
        }
        self.from = settings.delivery.postmasterAddress
        self.hostname = MailServices.hostname(settings)
        self.expand = { text, value in Expansion.expand(text, value) }
        self.clock = { UnixTime.now().seconds }
        self.report = { logger.error("\($0)") }
        self.log = { logger.info("\($0)") }
    }

    /// Words separated by blanks, except inside of `%{...}`.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isInside = false
        for character in text {
            if character == "{" { isInside = true }
            if character == "}" { isInside = false }
            if character == " ", !isInside {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        return word.isEmpty ? words : words + [word]
    }
}
