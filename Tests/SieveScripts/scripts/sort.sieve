require "fileinto"; fileinto "Sorted";
