# Read by ctest: tests that take a processor away from all others run with nothing beside them.
set_tests_properties("unit.os.StandstillWatch.TakesNoWaitForAProcessorForOne"
  PROPERTIES RUN_SERIAL TRUE)
