private import CEdit
private import Dispatch

/// Reads lines from a terminal with editing and history, by libedit.
///
/// **Ownership.** The editor is closed with this object. All calls of libedit happen on one queue of their own,
/// because reading blocks for as long as the person thinks.
@safe
public final class EditLineReader: LineReader, @unchecked Sendable {
  public static let historySize: Int32 = 2_000

  private let editor: OpaquePointer
  private let queue = DispatchQueue(label: "hyprstream.prompt")

  /// - Parameter historyPath: File of the history; nil keeps none.
  /// - Returns: nil if the terminal cannot be used.
  public init?(historyPath: String?) {
    guard let editor = unsafe hs_edit_open(historyPath, Self.historySize) else { return nil }
    unsafe self.editor = editor
  }

  deinit { unsafe hs_edit_close(editor) }

  public func read(prompt: String) async -> InputLine {
    await withCheckedContinuation { continuation in
      queue.async { continuation.resume(returning: self.readNow(prompt)) }
    }
  }

  public func remember(_ text: String) {
    queue.sync { unsafe hs_edit_remember(editor, text) }
  }

  public func offer(_ words: [String]) {
    unsafe hs_edit_offer(editor, words.joined(separator: "\n"))
  }

  private func readNow(_ prompt: String) -> InputLine {
    var text: UnsafePointer<CChar>?
    switch unsafe hs_edit_read(editor, prompt, &text) {
    case HS_EDIT_LINE: return .line(unsafe text.map { unsafe String(cString: $0) } ?? "")
    case HS_EDIT_INTERRUPTED: return .interrupted
    default: return .end
    }
  }
}
