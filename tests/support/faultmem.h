/* faultmem.h: how the faulty program is told to run out of memory. */
#ifndef JETBASE_TESTS_FAULTMEM_H
#define JETBASE_TESTS_FAULTMEM_H

/* JETBASE_MEMORY_FAIL=N: the Nth request for memory of the program's own (and of its JSON) is refused; N+: so are all later ones. JETBASE_MEMORY_FIRED=PATH: that file is made when one is. */
#define FAULTMEM_FAIL "JETBASE_MEMORY_FAIL"
#define FAULTMEM_FIRED "JETBASE_MEMORY_FIRED"

#endif
