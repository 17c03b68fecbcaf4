import AdminCommands
import Testing

@Suite struct AdminExitTests {
    @Test(arguments: [
        ([AdminExit.success, .notFound, .success], AdminExit.notFound), ([.data, .notFound], .data),
        ([.notFound, .temporary, .noUser], .temporary), ([.internalError, .temporary], .internalError),
        ([.noPermission, .temporary], .noPermission), ([], .success),
    ])
    func theWorstCounts(_ exits: [AdminExit], _ worst: AdminExit) {
        #expect(exits.reduce(.success, max) == worst)
    }

    @Test func nobodyIsExplained() {
        #expect(AdminError.nobody(matching: "*").exit == .noUser)
        #expect(AdminError.nobody(matching: "*").message.hasPrefix("no user is listed: userdb passwd and"))
        #expect(AdminError.nobody(matching: "a*").message.hasPrefix("no user matches a*: "))
    }
}
