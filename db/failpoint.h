/* failpoint.h: places where tests stop or kill the program. Built in with -DJETBASE_FAILPOINTS only; else nothing is left of them. */
#ifndef JETBASE_DB_FAILPOINT_H
#define JETBASE_DB_FAILPOINT_H

#ifdef JETBASE_FAILPOINTS
/* Does what JETBASE_FAILPOINT ("name=kill", "name=stop", "name:3=kill" for the third time it is passed) says of this place. */
void failpoint_pass(const char *name);
#define FAILPOINT(name) failpoint_pass(name)
#else
#define FAILPOINT(name) ((void)0)
#endif

#endif
