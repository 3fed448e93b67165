import Foundation

/// A temporary folder that is removed with the value.
final class Folder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "hyprstream-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ text: String, to name: String) throws {
    try text.write(toFile: "\(path)/\(name)", atomically: false, encoding: .utf8)
  }
}
