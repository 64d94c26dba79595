/* golden_screen.h: whole screens of the program, compared with files that a person can read: tests/screens/.
 *
 * What differs from run to run is made equal on both sides: times, dates, process IDs, numbers of processes and sessions, names of machine and user.
 * Where that changes the width of a row, its longer gaps are made two blanks wide. UPDATE_SCREENS=1 writes the files anew: look at every change before it is kept.
 */
#ifndef JETBASE_TESTS_GOLDEN_SCREEN_H
#define JETBASE_TESTS_GOLDEN_SCREEN_H

#include "stage.h"

/* Waits until the screen, `rows` high, is the one of tests/screens/NAME.txt; fails the test, with the screen, where it does not come. With a folder in the environment's SCREENSHOTS it leaves NAME.svg there (`make screenshots`). */
void golden_screen(struct term *term, const char *name, int rows);
/* Makes what differs from run to run equal in one row of a screen; the buffer has at least 2000 bytes. */
void golden_screen_normalise(char *row);
/* The shop of the sketches: V1 to V3, applied or not, and V14, V15 and an ROC pending. */
void golden_shop(struct stage *stage, enum sandbox_kind kind, bool applied);
/* The database for screens that are the same on both. */
enum sandbox_kind golden_any(void);
/* The name of a machine stands beside the process ID where it is short, else in a row of its own: skips the test where the kept screens, those with a short one, can't be had. */
void golden_short_names(void);
/* Numbers of processes have four digits at least from here on, as in the kept screens: a shorter one breaks a sentence at another word. */
void golden_four_digits(void);

#endif
