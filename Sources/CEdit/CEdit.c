#define _GNU_SOURCE
#include "CEdit.h"

#include <ctype.h>
#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct hs_edit {
  EditLine *line;
  History *history;
  char *history_path;
  const char *prompt;
  char *text;
  int is_interrupted;
  pthread_mutex_t words_lock;
  char *words;
};

static char *prompt_of(EditLine *line) {
  struct hs_edit *edit = NULL;
  el_get(line, EL_CLIENTDATA, &edit);
  return (char *)(edit && edit->prompt ? edit->prompt : "");
}

// Bound to Ctrl-C: gives the line up.
static unsigned char interrupt(EditLine *line, int key) {
  (void)key;
  struct hs_edit *edit = NULL;
  el_get(line, EL_CLIENTDATA, &edit);
  if (edit) edit->is_interrupted = 1;
  return CC_EOF;
}

static int is_word_byte(char byte) {
  return isalnum((unsigned char)byte) || byte == '_' || (byte & 0x80) != 0;
}

struct matches {
  const char *words[200];
  size_t lengths[200];
  int count;
  size_t common;
};

// The words that begin with what is typed, and how much all of them have in common.
static struct matches matches_of(const char *words, const char *typed, size_t length) {
  struct matches found = {.count = 0};
  for (const char *word = words; word && *word;) {
    size_t size = strcspn(word, "\n");
    if (size >= length && strncasecmp(word, typed, length) == 0 && found.count < 200) {
      size_t same = found.count == 0 ? size : 0;
      while (found.count > 0 && same < found.common && same < size
             && tolower((unsigned char)word[same]) == tolower((unsigned char)found.words[0][same]))
        same++;
      found.common = same;
      found.words[found.count] = word;
      found.lengths[found.count++] = size;
    }
    word += size + (word[size] == '\n');
  }
  return found;
}

static void list(const struct matches *found) {
  size_t longest = 0;
  for (int i = 0; i < found->count; i++)
    if (found->lengths[i] > longest) longest = found->lengths[i];
  struct winsize size;
  size_t width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
  size_t columns = width / (longest + 2);
  if (columns == 0) columns = 1;
  for (int i = 0; i < found->count; i++) {
    if (i % columns == 0) printf("\n");
    printf("%-*.*s", (int)longest + 2, (int)found->lengths[i], found->words[i]);
  }
  printf("\n");
  fflush(stdout);
}

// Appends to the line what is missing, in capitals if the word was begun in capitals.
static void append(EditLine *line, const char *rest, size_t size, int in_capitals) {
  char text[256];
  if (size + 2 > sizeof text) return;
  for (size_t i = 0; i < size; i++) text[i] = in_capitals ? toupper((unsigned char)rest[i]) : rest[i];
  text[size] = 0;
  el_insertstr(line, text);
}

// Bound to Tab: completes the word before the cursor, or shows what it may become.
static unsigned char complete(EditLine *line, int key) {
  (void)key;
  struct hs_edit *edit = NULL;
  el_get(line, EL_CLIENTDATA, &edit);
  const LineInfo *info = el_line(line);
  if (!edit || !info) return CC_ERROR;
  const char *start = info->cursor;
  while (start > info->buffer && is_word_byte(start[-1])) start--;
  size_t length = (size_t)(info->cursor - start);
  if (length == 0) return CC_ERROR;
  int has_small = 0, has_capital = 0;
  for (size_t i = 0; i < length; i++) {
    has_small |= islower((unsigned char)start[i]);
    has_capital |= isupper((unsigned char)start[i]);
  }
  unsigned char outcome = CC_ERROR;
  pthread_mutex_lock(&edit->words_lock);
  struct matches found = matches_of(edit->words, start, length);
  if (found.count > 0 && found.common > length) {
    append(line, found.words[0] + length, found.common - length, has_capital && !has_small);
    outcome = CC_REFRESH;
  }
  if (found.count == 1) {
    el_insertstr(line, " ");
    outcome = CC_REFRESH;
  } else if (found.count > 1 && found.common == length) {
    list(&found);
    outcome = CC_REDISPLAY;
  }
  pthread_mutex_unlock(&edit->words_lock);
  return outcome;
}

// Characters of more than one byte need a locale that knows them, whatever the environment says.
static void use_utf8(void) {
  setlocale(LC_CTYPE, "");
  if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0) setlocale(LC_CTYPE, "C.UTF-8");
}

hs_edit *hs_edit_open(const char *history_path, int history_size) {
  use_utf8();
  hs_edit *edit = calloc(1, sizeof *edit);
  if (!edit) return NULL;
  pthread_mutex_init(&edit->words_lock, NULL);
  edit->line = el_init("hyprstream", stdin, stdout, stderr);
  edit->history = history_init();
  if (!edit->line || !edit->history) {
    hs_edit_close(edit);
    return NULL;
  }
  HistEvent event;
  history(edit->history, &event, H_SETSIZE, history_size);
  history(edit->history, &event, H_SETUNIQUE, 1);
  if (history_path) {
    edit->history_path = strdup(history_path);
    history(edit->history, &event, H_LOAD, history_path);
  }
  el_set(edit->line, EL_CLIENTDATA, edit);
  el_set(edit->line, EL_PROMPT, prompt_of);
  el_set(edit->line, EL_EDITOR, "emacs");
  el_set(edit->line, EL_HIST, history, edit->history);
  el_set(edit->line, EL_ADDFN, "hs-interrupt", "Give the line up.", interrupt);
  el_set(edit->line, EL_ADDFN, "hs-complete", "Complete the word.", complete);
  el_set(edit->line, EL_BIND, "^I", "hs-complete", NULL);
  // While a line is edited Ctrl-C is a key, not a signal.
  el_set(edit->line, EL_SETTY, "-d", "-isig", NULL);
  el_set(edit->line, EL_BIND, "^C", "hs-interrupt", NULL);
  el_set(edit->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
  el_set(edit->line, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
  el_set(edit->line, EL_BIND, "\\e[1;5C", "em-next-word", NULL);
  el_set(edit->line, EL_BIND, "\\e[1;5D", "ed-prev-word", NULL);
  el_source(edit->line, NULL);
  return edit;
}

enum hs_edit_status hs_edit_read(hs_edit *edit, const char *prompt, const char **line) {
  int count = 0;
  edit->prompt = prompt;
  edit->is_interrupted = 0;
  const char *text = el_gets(edit->line, &count);
  if (edit->is_interrupted) return HS_EDIT_INTERRUPTED;
  if (!text || count <= 0) return HS_EDIT_END;
  free(edit->text);
  edit->text = strndup(text, (size_t)count);
  if (!edit->text) return HS_EDIT_END;
  size_t length = strlen(edit->text);
  if (length > 0 && edit->text[length - 1] == '\n') edit->text[length - 1] = 0;
  *line = edit->text;
  return HS_EDIT_LINE;
}

void hs_edit_remember(hs_edit *edit, const char *line) {
  HistEvent event;
  history(edit->history, &event, H_ENTER, line);
  if (edit->history_path) history(edit->history, &event, H_SAVE, edit->history_path);
}

void hs_edit_offer(hs_edit *edit, const char *words) {
  char *copy = strdup(words);
  pthread_mutex_lock(&edit->words_lock);
  char *old = edit->words;
  edit->words = copy;
  pthread_mutex_unlock(&edit->words_lock);
  free(old);
}

void hs_edit_close(hs_edit *edit) {
  if (!edit) return;
  if (edit->line) el_end(edit->line);
  if (edit->history) history_end(edit->history);
  free(edit->history_path);
  free(edit->text);
  free(edit->words);
  pthread_mutex_destroy(&edit->words_lock);
  free(edit);
}
