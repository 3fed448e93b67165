import Foundation
import Synchronization
import Testing

@testable import DataFolder

struct DataFolderTests {
  let root = NSTemporaryDirectory() + "hyprstream-folder-" + UUID().uuidString

  @Test func `a new folder is made with its version, a second start finds it`() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    do {
      let folder = try DataFolder(path: root + "/a/b")
      #expect(folder.foundVersion == nil)
      #expect(folder.path.hasPrefix("/"))
      #expect(try text("a/b/VERSION") == "1\n")
      try "x".write(toFile: folder.temporaryPath + "/left", atomically: false, encoding: .utf8)
      try FileManager.default.createDirectory(
        atPath: folder.temporaryPath + "/d/e", withIntermediateDirectories: true)
      try "x".write(toFile: folder.databasePath, atomically: false, encoding: .utf8)
    }
    let again = try DataFolder(path: root + "/a/b")
    #expect(again.foundVersion == 1)
    #expect(try FileManager.default.contentsOfDirectory(atPath: again.temporaryPath).isEmpty)
    #expect(FileManager.default.fileExists(atPath: again.databasePath))
  }

  @Test func `a second holder is told who holds the folder`() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    let folder = try DataFolder(path: root)
    let error = #expect(throws: DataFolderError.self) { try DataFolder(path: root) }
    #expect(error == .locked(folder: folder.path, processID: Int(getpid())))
    #expect(error?.description.contains("process id \(getpid())") == true)
    withExtendedLifetime(folder) {}
  }

  @Test(arguments: [
    ("2\n", "newer hyprstream"), ("banana\n", "\"banana\""), ("", "\"\""), ("0\n", "not a version"),
  ])
  func `a version that is not known is refused and left as it is`(
    version: String, sentence: String
  ) throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try write(version, to: "VERSION")
    let error = #expect(throws: DataFolderError.self) { try DataFolder(path: root) }
    #expect(error?.description.contains(sentence) == true, "\(String(describing: error))")
    #expect(try text("VERSION") == version)
  }

  @Test func `a folder with other files is refused`() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try write("hello", to: "thesis.tex")
    let error = #expect(throws: DataFolderError.self) { try DataFolder(path: root) }
    #expect(error?.description.contains("thesis.tex") == true)
    #expect(throws: (any Error).self) { try text("VERSION") }
  }

  @Test func `an older folder is migrated step by step, each step once`() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try write("1\n", to: "VERSION")
    let steps = Mutex<[Int]>([])
    let migrations = [2, 3].map { version in
      Migration(from: version - 1, to: version) { _ in steps.withLock { $0.append(version) } }
    }
    #expect(try DataFolder(path: root, migrations: migrations).foundVersion == 1)
    #expect(try DataFolder(path: root, migrations: migrations).foundVersion == 3)
    #expect(steps.withLock { $0 } == [2, 3])
  }

  @Test func `a path that is a file is an error`() throws {
    defer { try? FileManager.default.removeItem(atPath: root) }
    try write("x", to: "file")
    let error = #expect(throws: DataFolderError.self) { try DataFolder(path: root + "/file") }
    #expect(error?.description.contains("/file") == true)
  }

  private func write(_ text: String, to name: String) throws {
    try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
    try text.write(toFile: "\(root)/\(name)", atomically: false, encoding: .utf8)
  }

  private func text(_ name: String) throws -> String {
    try String(contentsOfFile: "\(root)/\(name)", encoding: .utf8)
  }
}
