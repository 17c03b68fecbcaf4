import Testing

@testable import IMAPCore

@Test func commandsAreAllowedByState() {
    var machine = SessionStateMachine()
    func runs(_ command: Command) -> Bool { machine.received(command) == .run }
    let select = Command.select(box("x"), SelectParameters())
    let login = Command.login(user: [], password: [])

    #expect(runs(.capability) && runs(login) && runs(.startTLS))
    #expect(!runs(select) && !runs(.check) && !runs(.idle))
    machine.selected(isReadOnly: false)
    #expect(!runs(.check), "no SELECT before a login")

    machine.loggedIn()
    #expect(runs(select) && runs(.idle) && runs(.capability))
    #expect(!runs(login) && !runs(.startTLS) && !runs(.check) && !runs(.expunge))
    #expect(machine.receivedAppend() == .run)

    machine.selected(isReadOnly: true)
    #expect(machine.isReadOnly && runs(.check) && runs(.expunge) && runs(select))
    machine.selected(isReadOnly: false)
    #expect(!machine.isReadOnly)
    machine.deselected()
    #expect(!runs(.check) && runs(select))

    machine.loggedOut()
    #expect(!runs(.noop) && !runs(select) && !runs(login) && !runs(.check))
    #expect(machine.receivedAppend() != .run)
}
