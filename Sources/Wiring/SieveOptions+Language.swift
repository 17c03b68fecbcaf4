import Delivery
import ServerConfig
import SieveCore

extension SieveOptions {
    /// What the settings say of the language and its extensions.
    mutating func takeLanguage(_ settings: Settings) {
        let language = settings.sieve.language
        self.maximumCPUTime = language.maximumCPUTime
        self.limits.cpuTime = language.maximumCPUTime.components.seconds
        self.limits.variableSize = Int(clamping: language.maximumVariableSize)
        self.limits.variables = language.maximumVariables
        self.limits.includeNesting = language.maximumIncludeDepth
        self.limits.includes = language.maximumIncludes
        self.policy.version = Release.version
        self.hostname = settings.general.hostname.isEmpty ? nil : settings.general.hostname
        for item in language.items { self.policy.siteItems[item.name] = item.value }

        // What is for scripts of the site is never for users' own.
        let global = SieveLanguageSettings.applied(language.globalExtensions, to: [])
        let personal = SieveLanguageSettings.applied(language.extensions, to: SieveRegistry.standard)
        self.registry = .of(personal.subtracting(global).intersection(SieveRegistry.delivery))
        self.globalRegistry = .of(personal.union(global).intersection(SieveRegistry.delivery))

        self.limits.addedField = max(1024, Int(clamping: language.maximumHeaderSize))
        self.policy.editHeader.forbiddenToAdd = Set(language.headersNotAdded.map { $0.lowercased() })
        self.policy.editHeader.forbiddenToDelete = Set(language.headersNotDeleted.map { $0.lowercased() })
        self.policy.spamTest = Self.statusTest(language.spamTest)
        self.policy.virusTest = Self.statusTest(language.virusTest)

        let base = settings.general.baseDirectory
        self.programs.pipe = Self.place(language.pipe, base)
        self.programs.filter = Self.place(language.filter, base)
        self.programs.execute = Self.place(language.execute, base)
        let size = settings.mail.maximumMessageSize
        if size > 0 { self.programs.maximumOutput = Int(clamping: size) }
        for list in language.lists {
            self.lists[list.name] = ExternalList(path: list.path, form: list.form == .lines ? .lines : .pairs)
        }
    }

    private static func statusTest(_ settings: SieveStatusTestSettings) -> SievePolicy.StatusTest {
        var test = SievePolicy.StatusTest()
        test.kind =
            switch settings.type {
            case .none: nil
            case .score: .score
            case .strlen: .strlen
            case .text: .text
            }
        test.statusHeader = settings.statusHeader
        test.maximum = settings.maximumValue
        test.maximumHeader = settings.maximumHeader
        for text in settings.texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2, let number = Int(parts[0]) { test.texts[number] = String(parts[1]) }
        }
        return test
    }

    private static func place(_ settings: SieveProgramSettings, _ base: String) -> SieveProgramOptions.Place {
        var place = SieveProgramOptions.Place()
        place.binDirectory = settings.binDirectory
        let socket = settings.socketDirectory
        place.socketDirectory = socket.isEmpty || socket.hasPrefix("/") ? socket : base + "/" + socket
        place.timeout = settings.timeout
        place.inputLineEnd = settings.inputLineEnd == .crlf ? .crlf : .lf
        return place
    }
}
