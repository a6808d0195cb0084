# Read by ctest: it opens 17,000 files, which the thread sanitizer beside others takes a minute for.
set_tests_properties("unit.start_set.OfOpenings.NoneIsLostHoweverManyWaitToBeRead"
  PROPERTIES TIMEOUT 600 COST 60)
