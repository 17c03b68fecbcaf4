/// What passdbs and userdbs mean together.
extension Resolver {
    mutating func finishUsers() {
        var accepting: String?
        for (passdb, place) in zip(self.settings.passdbs, self.passdbPlaces) {
            let title = passdb.name.isEmpty ? "passdb" : "passdb \(passdb.name)"
            if !passdb.isDenyList {
                accepting = accepting ?? title
            } else if let accepting {
                self.out.warn(
                    place,
                    "\(title): deny = yes comes too late for those whom \(accepting) lets in; write this passdb before it"
                )
            }
        }
        for (userdb, place) in zip(self.settings.userdbs, self.userdbPlaces)
        where userdb.driver == .static && !userdb.allowsAllUsers {
            self.checkStatic(userdb.name.isEmpty ? "userdb" : "userdb \(userdb.name)", at: place)
        }
    }

    /// A static userdb has an answer for every name: who exists the passdbs say, as far as they can.
    private mutating func checkStatic(_ title: String, at place: SourcePlace) {
        let passdbs = self.settings.passdbs.filter { !$0.isDenyList }
        let isTold = passdbs.contains { $0.driver == .passwdFile } && !passdbs.contains { $0.driver == .static }
        guard isTold else {
            return self.out.warn(
                place,
                "\(title): every address has a mailbox here, and `martlet user` lists nobody, since no passdb passwd-file says who exists (PAM and tokens cannot, and passdb static knows every name); take a userdb that lists users, or write static_allow_all_users = yes where that is meant"
            )
        }
        let others = self.settings.userdbs.contains { $0.driver == .passwd || $0.driver == .passwdFile }
        if passdbs.contains(where: { $0.driver == .pam }), !others {
            self.out.warn(
                place,
                "\(title): every address has a mailbox here, since whoever is in no passdb passwd-file may be a user of PAM; write userdb passwd { } before it, or static_allow_all_users = yes where that is meant"
            )
        }
    }
}
