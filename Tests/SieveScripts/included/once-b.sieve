require ["include", "fileinto"]; fileinto "b"; include :once "once-a";
