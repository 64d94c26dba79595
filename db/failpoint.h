/* failpoint.h: places where tests stop or kill the program. Built in with -DJETBASE_FAILPOINTS only; else nothing is left of them. */
#ifndef JETBASE_DB_FAILPOINT_H
#define JETBASE_DB_FAILPOINT_H

#ifdef JETBASE_FAILPOINTS
/* Does what JETBASE_FAILPOINT ("name=kill", "name=stop", "name:3=kill" for the third time it is passed) says of this place. */
void failpoint_pass(const char *name);
#define FAILPOINT(name) failpoint_pass(name)
/* How long to go on trying: what JETBASE_FAILPOINT_MS ("name=50") says of this place, else usual_ms. */
int failpoint_ms(const char *name, int usual_ms);
#define FAILPOINT_MS(name, usual_ms) failpoint_ms(name, usual_ms)
#else
#define FAILPOINT(name) ((void)0)
#define FAILPOINT_MS(name, usual_ms) (usual_ms)
#endif

#endif
