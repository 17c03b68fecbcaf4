import Authentication
import MailStore
import ServerConfig

/// Where parts of a user's mail are that are not in their usual place below its root.
extension Accounts {
    /// Fields of the userdb win over the settings; a `mail` field in the older spelling says all there is.
    func places(of user: UserRecord) throws(StoreError) -> MailPlaces {
        let home = self.home(of: user)
        var settings = self.mail.places
        if let location = Self.location(user.mailLocation) {
            settings = location.places
            if let option = location.unknown.first {
                throw StoreError(
                    .cannot, "user \(user.user): the mail field has the option \(option), which is unknown")
            }
        }
        let fields = user.fields
        if let text = fields["mailbox_list_layout"] {
            guard let layout = MailboxListLayout(rawValue: text.lowercased()) else {
                throw StoreError(.cannot, "user \(user.user): mailbox_list_layout \(text) is unknown")
            }
            settings.layout = layout
        }
        settings.inboxPath = fields["mail_inbox_path"] ?? settings.inboxPath
        settings.controlPath = fields["mail_control_path"] ?? settings.controlPath
        settings.indexPath = fields["mail_index_path"] ?? settings.indexPath
        settings.directoryName = fields["mailbox_directory_name"] ?? settings.directoryName
        settings.subscriptionsName = fields["mailbox_subscriptions_filename"] ?? settings.subscriptionsName
        let whose = "user \(user.user)"
        var places = MailPlaces()
        places.layout = settings.layout == .fs ? .directories : .maildirPlusPlus
        places.inboxPath = try self.place(settings.inboxPath, "mail_inbox_path", whose, user, home)
        places.controlPath = try self.place(settings.controlPath, "mail_control_path", whose, user, home)
        places.indexPath = try self.place(settings.indexPath, "mail_index_path", whose, user, home)
        places.directoryName = settings.layout == .fs ? settings.directoryName : ""
        if settings.subscriptionsName != "subscriptions" { places.subscriptionsName = settings.subscriptionsName }
        return places
    }

    func places(of namespace: NamespaceSettings, for user: UserRecord) throws(StoreError) -> MailPlaces {
        let home = self.home(of: user)
        let whose = "namespace \(namespace.name)"
        var places = MailPlaces()
        switch namespace.layout {
        case .account: places.layout = self.mail.places.layout == .fs ? .directories : .maildirPlusPlus
        case .maildirPlusPlus: break
        case .fs: places.layout = .directories
        }
        if places.layout == .directories { places.directoryName = self.mail.places.directoryName }
        places.controlPath = try self.place(namespace.controlPath, "mail_control_path", whose, user, home)
        places.indexPath = try self.place(namespace.indexPath, "mail_index_path", whose, user, home)
        return places
    }

    /// A path of the settings for one user; empty when there is none.
    private func place(
        _ text: String, _ name: String, _ whose: String, _ user: UserRecord, _ home: String?
    ) throws(StoreError) -> String {
        if text.isEmpty { return "" }
        guard let path = Self.absolute(self.expand(text, user, home), home: home), path.hasPrefix("/") else {
            throw StoreError(.cannot, "\(whose): \(name) \(text) needs a home, or is no absolute path")
        }
        try Self.check(path, whose)
        return path
    }
}
