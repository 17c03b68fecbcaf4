require ["include", "fileinto"]; fileinto "a"; include :once "once-a"; include "once-b";
