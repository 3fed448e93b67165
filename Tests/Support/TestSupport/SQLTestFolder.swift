import Foundation

extension SQLTestFile {
  /// All `.slt` files in a folder and below, in the order of their paths.
  public static func all(inFolder path: String) throws -> [SQLTestFile] {
    let paths = try FileManager.default.subpathsOfDirectory(atPath: path)
      .filter { $0.hasSuffix(".slt") }.sorted()
    return try paths.map { file in
      let text = try String(contentsOfFile: path + "/" + file, encoding: .utf8)
      return try SQLTestFile(name: file, text: text)
    }
  }

  /// The folder with the test files of this project.
  public static var projectFolder: String {
    let support = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent()
    return support.deletingLastPathComponent().appendingPathComponent("SQLTests/slt").path
  }
}

/// The lines of a text file beside a test, without comments (`#`) and empty lines.
public func corpusLines(_ path: String) throws -> [String] {
  try String(contentsOfFile: path, encoding: .utf8)
    .split(separator: "\n").filter { !$0.hasPrefix("#") }.map(String.init)
}
